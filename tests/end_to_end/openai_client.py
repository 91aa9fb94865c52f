#!/usr/bin/env python3
"""The server as the `openai` package sees it.

    python tests/end_to_end/openai_client.py BINARY MODEL

Starts `BINARY serve MODEL` on a free port, runs every check_* function against it, prints PASS or FAIL for each, and
exits with the number of failures. Exits with 77 (skipped) where Python has no `openai`.
"""
import ctypes
import signal
import subprocess
import sys
import time
import traceback

SKIPPED = 77
START_LIMIT_S = 30
QUESTION = [{"role": "user", "content": "Who is Elizabeth?"}]
PROMPT = "It is a truth universally acknowledged"

try:
    import openai
except ImportError:
    print("SKIP: this Python has no openai package")
    sys.exit(SKIPPED)


def die_with_parent():
    """In the child: ends it when this program ends, however that comes."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def start(binary, model, *flags):
    """A server and the line that it said where it listens in."""
    server = subprocess.Popen([binary, "serve", model, "--port", "0", *flags], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, preexec_fn=die_with_parent)
    deadline = time.monotonic() + START_LIMIT_S
    for line in server.stdout:
        if line.startswith("Listening on "):
            return server, line.split()[2]
        if time.monotonic() > deadline:
            break
    server.kill()
    raise SystemExit(f"the server did not come to serve: exit code {server.wait()}")


def expect_error(kind, words, call):
    """`call` raises an openai error of this class whose message holds `words`."""
    try:
        call()
    except kind as error:
        assert words in str(error), f"{words!r} is not in {error}"
        assert error.request_id, "the error carries no request id"
        assert error.body["message"] and error.body["type"], error.body
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def check_models_are_listed_and_retrieved(client):
    names = [model.id for model in client.models.list()]
    assert names == ["checkpoint"], names
    assert client.models.retrieve("checkpoint").id == "checkpoint"


def check_a_chat_is_the_same_streamed_and_whole(client):
    whole = client.chat.completions.create(model="checkpoint", messages=QUESTION, temperature=0, max_tokens=40)
    assert whole.object == "chat.completion" and whole.choices[0].message.role == "assistant"
    stream = client.chat.completions.create(model="checkpoint", messages=QUESTION, temperature=0, max_tokens=40,
                                            stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text and text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage, chunks[-1]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == whole.choices[0].finish_reason and not any(reasons[:-1]), reasons


def check_a_completion_is_the_same_streamed_and_whole(client):
    whole = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=40)
    stream = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=40, stream=True)
    text = "".join(chunk.choices[0].text for chunk in stream)
    assert text and text == whole.choices[0].text
    assert whole.usage.completion_tokens <= 40
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


def check_the_sdks_own_stream_helper_assembles_the_answer(client):
    whole = client.chat.completions.create(model="checkpoint", messages=QUESTION, temperature=0, max_tokens=20)
    with client.chat.completions.stream(model="checkpoint", messages=QUESTION, temperature=0, max_tokens=20) as stream:
        stream.until_done()
        assembled = stream.current_completion_snapshot
    assert assembled.choices[0].message.content == whole.choices[0].message.content
    assert assembled.choices[0].finish_reason == whole.choices[0].finish_reason


def check_logprobs_are_parsed(client):
    chat = client.chat.completions.create(model="checkpoint", messages=QUESTION, temperature=0, max_tokens=8,
                                          logprobs=True, top_logprobs=3)
    tokens = chat.choices[0].logprobs.content
    assert tokens and all(len(token.top_logprobs) == 3 for token in tokens)
    assert all(token.logprob == max(other.logprob for other in token.top_logprobs) <= 0 for token in tokens)
    assert b"".join(bytes(token.bytes) for token in tokens).decode() == chat.choices[0].message.content
    completion = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=8, logprobs=2,
                                           echo=True, extra_body={"add_special_tokens": False})
    logprobs = completion.choices[0].logprobs
    assert "".join(logprobs.tokens) == completion.choices[0].text
    assert logprobs.token_logprobs[0] is None and len(logprobs.tokens) == completion.usage.total_tokens
    assert [completion.choices[0].text[at:][:1] for at in logprobs.text_offset] == [t[:1] for t in logprobs.tokens]


def check_n_and_seed(client):
    def ask():
        answer = client.chat.completions.create(model="checkpoint", messages=QUESTION, temperature=1, seed=11, n=3,
                                                max_tokens=20)
        return [choice.message.content for choice in answer.choices]
    first = ask()
    assert len(set(first)) == 3 and ask() == first, first


def check_stop_strings(client):
    plain = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=40).choices[0].text
    stop = plain[10:14]
    cut = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=40, stop=[stop])
    assert cut.choices[0].text == plain[:plain.index(stop)] and cut.choices[0].finish_reason == "stop"


def check_vllm_extras_pass_through_extra_body(client):
    answer = client.completions.create(model="checkpoint", prompt=PROMPT, temperature=0, max_tokens=6,
                                       extra_body={"ignore_eos": True, "return_token_ids": True, "min_tokens": 6})
    assert len(answer.choices[0].token_ids) == 6 == answer.usage.completion_tokens


def check_the_request_id_is_there_and_the_clients_own_is_kept(client):
    raw = client.chat.completions.with_raw_response.create(model="checkpoint", messages=QUESTION, max_tokens=1)
    assert raw.headers["x-request-id"] and raw.parse().id.endswith(raw.headers["x-request-id"])
    mine = client.chat.completions.with_raw_response.create(model="checkpoint", messages=QUESTION, max_tokens=1,
                                                            extra_headers={"x-request-id": "my-own-id-7"})
    assert mine.headers["x-request-id"] == "my-own-id-7", mine.headers
    assert mine.parse().id == "chatcmpl-my-own-id-7"


def check_errors_are_of_the_sdks_classes(client):
    create = client.chat.completions.create
    error = expect_error(openai.NotFoundError, "gpt-4", lambda: create(model="gpt-4", messages=QUESTION))
    assert error.code == "model_not_found" and error.param == "model"
    error = expect_error(openai.BadRequestError, "temperature",
                         lambda: create(model="checkpoint", messages=QUESTION, temperature=7))
    assert error.param == "temperature" and error.type == "invalid_request_error"
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    error = expect_error(openai.BadRequestError, "tools",
                         lambda: create(model="checkpoint", messages=QUESTION, tools=[tool]))
    assert error.param == "tools" and error.code == "unsupported_parameter"
    error = expect_error(openai.BadRequestError, "context length",
                         lambda: create(model="checkpoint", messages=[{"role": "user", "content": "word " * 5000}]))
    assert error.code == "context_length_exceeded"
    expect_error(openai.APIStatusError, "", lambda: client.post("/nowhere", cast_to=object))


def check_a_stream_that_is_left_gives_its_memory_back(client):
    for _ in range(5):
        stream = client.completions.create(model="checkpoint", prompt=PROMPT, max_tokens=1900, stream=True,
                                           extra_body={"ignore_eos": True})
        next(iter(stream))
        stream.close()
    root = str(client.base_url).removesuffix("v1/")
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        status = client.get(root + "troupe/status", cast_to=object)
        blocks = status["machines"][0]["blocks"]
        if blocks["free"] == blocks["total"]:
            return
        assert time.monotonic() < deadline, blocks


def main():
    binary, model = sys.argv[1:3]
    server, url = start(binary, model)
    failures = 0
    try:
        client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=60)
        for name, check in list(globals().items()):
            if not name.startswith("check_"):
                continue
            sentence = name.removeprefix("check_").replace("_", " ")
            try:
                check(client)
                print(f"PASS {sentence}", flush=True)
            except Exception:
                failures += 1
                print(f"FAIL {sentence}\n{traceback.format_exc()}", flush=True)
        client.close()
        server.terminate()
        code = server.wait(timeout=START_LIMIT_S)
        print(f"{'PASS' if code == 0 else 'FAIL'} the server exits with 0 at SIGTERM" + (f": {code}" if code else ""))
        failures += code != 0
    finally:
        server.kill()
        server.wait()
    return failures


if __name__ == "__main__":
    sys.exit(main())
