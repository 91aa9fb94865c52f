#!/usr/bin/env python3
"""tools/new policy NAME in a copy of the tree: what it writes compiles, is made by its name, and passes every policy's tests.

usage: new_policy.py SOURCE_FOLDER BUILD_FOLDER COMPILER
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

COPIED = ("tools/new", "actors/policies", "runtime/base", "tests/unit/actors/policies", "cluster_configs", ".clang-format")


def run(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    print(done.stdout + done.stderr, end="")
    return done


def main():
    source, build, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for each in COPIED:
            (tree / each).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (source / each).is_dir() else shutil.copy2)(source / each, tree / each)
        before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
        for wrong, said in (("Shortest", "is no name for a policy"), ("splitwise", "already"), ("candidates", "exists already")):
            refused = run([tree / "tools/new", "policy", wrong])
            assert refused.returncode in (64, 73) and said in refused.stderr, wrong
        assert before == {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}, "a refusal changed something"

        assert run([tree / "tools/new", "policy", "brand_new"]).returncode == 0
        assert run([tree / "tools/new", "policy", "brand_newer"]).returncode == 0, "the second one finds its places too"
        assert '", "brand_new", "brand_newer"]' in (tree / "cluster_configs/serve.schema.json").read_text()
        # The rest is as the build has it: these objects come before its archive, which gives only what they leave out.
        policies = [tree / "actors/policies" / name for name in ("brand_new.cpp", "brand_newer.cpp", "routing_policy.cpp")]
        tests = [tree / "tests/unit/actors/policies" / name for name in ("brand_new_test.cpp", "brand_newer_test.cpp", "every_policy_test.cpp")]
        program = tree / "tried"
        built = run([compiler, "-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-I", tree, *policies, tree / "runtime/base/policy_names.cpp",
                     *tests, build / "libtroupe_actors_policies.a", build / "libtroupe_runtime_base.a", "-lgmock", "-lgtest", "-lgtest_main",
                     "-o", program])
        assert built.returncode == 0
        tried = run([program, "--gtest_brief=1", "--gtest_filter=*brand_new*:BrandNew*"])
        assert tried.returncode == 0 and "8 tests" in tried.stdout, "three checks of every policy and a test of its own, for both"


main()
