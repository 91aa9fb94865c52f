#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/<style>.json: a small tokenizer file of each style, and what Hugging Face `tokenizers` makes of nasty texts.

Usage: make_tokenizer_golden.py [OUT_DIR]   (needs the package `tokenizers`; made with 0.23.3)

Each file: {"tokenizer": <tokenizer.json>, "cases": [{"text" or "hex", "ids", "with_special", "as_text", "decoded", "skipped"}],
"decodes": [{"ids", "decoded", "skipped"}]}. "hex" holds bytes that are not UTF-8; Hugging Face got them as Python's errors="replace"
reads them. "as_text" is encode_special_tokens=True.
"""
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parent.parent.parent / "shared" / "demo_model" / "checkpoint" / "tokenizer.json"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CORPUS = [
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife.",
    "However little known the feelings or views of such a man may be on his first entering a neighbourhood, he's theirs.",
    "def f(x):\n    return x + 1\n\nfor i in range(100):\n        print(f(i), 2024, 3.14159)\n",
    "Ünïcödé naïve café déjà vu Straße 你好世界 你好 中国 日本語 привет мир שלום مرحبا हिन्दी 👩‍👩‍👧 😀😀 e\u0301",
    "   spaces    and\ttabs\r\nand \n\n\n newlines     ",
] * 4
TEXTS = [
    "", " ", "a", "Hello, world! It's 12345 o'clock; WE'RE late.", "  two leading", "trailing two  ", " x", "x ",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈 flags 🇩🇪🇫🇷 ✌🏽", "e\u0301e\u0323\u0301\u0301 a\u030a Å Å ﬁ ① ² ½ ǅ", "a\u0316\u0301\u0316\u0301\u0316b \u0301 start",
    "a" * 300, " " * 67, "\n" * 33, " \n" * 20, "\t\t\tx\t y \t", "a  b   c    d     e", "line\r\nline\n\r\n  indented\n\n\nend\n",
    "0123456789 1,234.5 ١٢٣ ४५६ Ⅷ ¼ 10^-3", "你好，世界。今天天气怎么样？繁體字 かな カナ 한국어 각", "שלום עולם مرحبا بالعالم ‏RTL‎",
    "Zażółć gęślą jaźń; ÅNGSTRÖM İstanbul ıI ΣΊΣΥΦΟΣ ǆ ẞß", "hello\u00a0world\u2003wide\u3000x\u200bz\u200cy\u200dw\ufeff",
    "<s>", "a<s>b</s> <s> </s>", "<|begin|>hi<|end|>", "x <mask> y", "x<mask>y <mask>  <mask>", "the<word>es <word> a<word>", "<unk> <0x41> <0x0A>",
    "<|begin|><|begin|> <|end|>\n<|user|> text <|assistant|>", "<|begin|", "<<|begin|>>", "<plain><plain> a <plain>b", "ünï<word>ünï <word>",
    "▁under▁▁score ▁ _", "\x00\x01\x1f\x7f\u0080\u00ff", "I'm I'M I’m 'S ſ 's'tis", "!!!??...;;; -- — “quoted” (a)[b]{c}", "\U0001d518\U0001d52b \U00020000 \uffff",
    "foo.bar(baz)->qux[0]=='x';//c\n\t\t}", "don't can't we'll I'd they've", "a.b.c...d", "  \n  \t ", "ab ab  ab", "Ⓐ1_2-3", "𝟘𝟙 ௧௨ ㊀", "ABC abc ÀB",
]
BYTES = [b"ok \xff\xfe bad", b"\xe4\xbd", b"\xe4\xbdx\xa0", b"\xf0\x9f\x98", b"\xf0\x9f\x98\xf0\x9f\x98\x80", b"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
         b"<s>\x80</s>", b"\xe2\x96 \x81a"]


def special(content, **flags):
    return AddedToken(content, special=True, normalized=flags.pop("normalized", False), **flags)


ADDED = [special("<s>"), special("</s>"), special("<|begin|>"), special("<|end|>"), special("<mask>", lstrip=True, rstrip=True),
         AddedToken("<word>", single_word=True, normalized=False), AddedToken("<plain>", normalized=True)]


def byte_level(size, pre, normalizer=None, ignore_merges=False, post=None, decoder=None):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.decoder = decoder or decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=[],
                                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_tokens(ADDED)
    return finish(t, post)


def sentencepiece(size, pre, normalizer, decoder, fallback=True, fuse_unk=True, post=None, added=ADDED):
    """A vocabulary in the manner of Llama 2: unknown, bytes, then pieces learned from text in which U+2581 stands for space."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=80))
    model = json.loads(t.to_str())["model"]
    first = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    tokens = first + sorted(model["vocab"], key=model["vocab"].get)
    for extra in ["▁▁", "▁▁▁▁"]:
        if extra not in tokens:
            tokens.append(extra)
    merges = [tuple(m) for m in model["merges"]] + [("▁", "▁"), ("▁▁", "▁▁")]
    t = Tokenizer(models.BPE(vocab={x: i for i, x in enumerate(tokens)}, merges=merges, unk_token="<unk>", fuse_unk=fuse_unk,
                             byte_fallback=fallback))
    t.normalizer, t.pre_tokenizer, t.decoder = normalizer, pre, decoder
    t.add_tokens([special("<unk>")] + added)
    return finish(t, post)


def finish(t, post):
    from tokenizers import processors
    if post:
        t.post_processor = processors.TemplateProcessing(single=post, special_tokens=[(x, t.token_to_id(x)) for x in ("<s>", "</s>")])
    return t


def with_merges_as_strings(t):
    d = json.loads(t.to_str())
    d["model"]["merges"] = [" ".join(m) for m in d["model"]["merges"]]
    return Tokenizer.from_str(json.dumps(d)), d


def skipped(t, name, ids):
    """Without special tokens. Version 0.23 fails to leave out those that the normalizer respells; so they are taken out here."""
    special_ids = {i for i, token in t.get_added_tokens_decoder().items() if token.special}
    text = t.decode([i for i in ids if i not in special_ids], skip_special_tokens=False)
    assert name == "special_normalized" or text == t.decode(ids, skip_special_tokens=True), (name, ids)
    return text


def styles():
    N, P, D = normalizers, pre_tokenizers, decoders
    from tokenizers import Regex
    split = lambda pattern, behavior="isolated", invert=False: P.Split(Regex(pattern), behavior, invert)
    bl = lambda: P.ByteLevel(add_prefix_space=False, use_regex=False)
    llama_decoder = lambda: D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    yield "gpt2", byte_level(420, P.ByteLevel(add_prefix_space=False))
    yield "prefix_space", byte_level(400, P.ByteLevel(add_prefix_space=True), post="<s> $A </s>")
    yield "llama3", byte_level(450, P.Sequence([split(LLAMA3), bl()]), ignore_merges=True, post="<s> $A")
    yield "qwen2", byte_level(450, P.Sequence([split(QWEN2), bl()]), normalizer=N.NFC())
    yield "smollm", byte_level(420, P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)]))
    yield "llama2", sentencepiece(560, None, N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), llama_decoder(), post="<s> $A")
    yield "special_normalized", sentencepiece(560, None, N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), llama_decoder(), post="<s> $A",
                                              added=[special("<s>", normalized=True), special("</s>", normalized=True)] + ADDED[2:])
    yield "mistral_first", sentencepiece(560, P.Metaspace(prepend_scheme="first", split=False), None, llama_decoder(), post="<s> $A </s>")
    yield "metaspace", sentencepiece(400, P.Metaspace(), None, D.Metaspace(), fallback=False, fuse_unk=False)
    yield "metaspace_never", sentencepiece(400, P.Metaspace(prepend_scheme="never"), N.NFKC(), D.Metaspace(prepend_scheme="never"), fallback=False)
    yield "gemma", sentencepiece(560, P.Split(" ", "merged_with_previous"), N.Replace(" ", "▁"),
                                 D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()]))
    yield "words", sentencepiece(300, P.Whitespace(), N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase()]), None, fallback=False)
    yield "words_split", sentencepiece(300, P.Sequence([P.WhitespaceSplit(), P.Punctuation("merged_with_next"), P.Digits(False)]),
                                       N.Sequence([N.Strip(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]), None, fallback=False, fuse_unk=False)
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            yield f"split_{behavior}{'_inverted' * invert}", byte_level(
                290, P.Sequence([split(r"[\p{L}\s]|\d\d", behavior, invert), P.ByteLevel(add_prefix_space=True, use_regex=False)]), normalizer=N.NFD())
    yield "odd_decoder", byte_level(290, P.Sequence([P.Punctuation("contiguous"), split(r"(?=\d{3})|(?<=a)", "removed"), P.ByteLevel(add_prefix_space=False)]),
                                    decoder=D.Sequence([D.ByteLevel(), D.Replace(Regex(r"[aeiou]{2}"), "<>"), D.Strip("x", 2, 0)]))


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "tokenizer"
    out.mkdir(parents=True, exist_ok=True)
    made = list(styles())
    if DEMO.exists():  # the tokenizer of the demo model, trained by its train.py
        made.append(("demo", Tokenizer.from_file(str(DEMO))))
    for name, t in made:
        description = json.loads(t.to_str())
        if name in ("smollm", "llama2"):
            t, description = with_merges_as_strings(t)
        rng = random.Random(name)
        cases, decodes = [], []
        few = name.startswith("split_")  # these differ in one component only
        for text in TEXTS[::3] if few else TEXTS + BYTES:
            given = text if isinstance(text, str) else text.decode(errors="replace")
            t.encode_special_tokens = True
            as_text = t.encode(given, add_special_tokens=False).ids
            t.encode_special_tokens = False
            ids = t.encode(given, add_special_tokens=False).ids
            full = t.encode(given).ids
            case = {"text": text} if isinstance(text, str) else {"hex": text.hex()}
            cases.append(case | {"ids": ids, "with_special": full, "as_text": as_text, "decoded": t.decode(full, skip_special_tokens=False),
                                 "skipped": skipped(t, name, full)})
        for _ in range(5 if few else 25):
            ids = [rng.randrange(t.get_vocab_size()) for _ in range(rng.randrange(1, 24))]
            if rng.random() < 0.4:  # byte tokens, or the base alphabet
                ids = [rng.randrange(min(262, t.get_vocab_size())) for _ in ids]
            decodes.append({"ids": ids, "decoded": t.decode(ids, skip_special_tokens=False), "skipped": skipped(t, name, ids)})
        golden = {"tokenizer": description, "cases": cases, "decodes": decodes}
        (out / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")
        print(name, len(cases), len(decodes), (out / f"{name}.json").stat().st_size)


if __name__ == "__main__":
    main()
