#!/usr/bin/env python3
"""Drives crates/fake-llm by the official SDKs and by jevcompat: is it the provider that it claims to be?

    cargo build -p pg_categorize_fake_llm
    python3 tests/peers/fake_llm_sdk.py [--venv FOLDER] [--server PROGRAM]

Makes the environment (default target/peers/light) and installs what it misses. Exit status 0 only if all passes.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import traceback
import venv

from fake_llm_anthropic import check_anthropic
from fake_llm_batches import (
    check_anthropic_batches,
    check_batch_account,
    check_gemini_batches,
    check_openai_batches,
)
from fake_llm_gemini import check_gemini
from fake_llm_server import LABELS, TITLES, Server, pack, schema_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = [
    "openai==3.54.0",
    "anthropic==2.12.0",
    "google-genai==3.4.0",
    "typesafe-sdk==0.7.5",
    "jevcompat==0.1.1",
]
def environment(folder):
    """The environment's Python, with the packages in it."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    listed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    if missing := [package for package in PACKAGES if package not in listed.split()]:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *missing], check=True)
    return python


def check_openai(server):
    import math

    import openai
    import pydantic
    from typing import Literal

    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-test", max_retries=0, timeout=5)

    def chat(client=client, titles=tuple(TITLES), **more):
        messages = [{"role": "developer", "content": "Assign a category."}, {"role": "user", "content": pack(titles)}]
        return client.chat.completions.create(
            **{"model": "gpt-6-luna", "messages": messages, "response_format": schema_of(LABELS)} | more
        )

    assert "gpt-6-luna" in [model.id for model in client.models.list()]
    yield "models"

    reply = chat(max_completion_tokens=400, store=False, prompt_cache_key="k", reasoning_effort="none")
    answers = json.loads(reply.choices[0].message.content)["items"]
    assert {answer["id"]: answer["category"] for answer in answers} == dict(enumerate(TITLES.values(), 1)), answers
    assert reply.choices[0].finish_reason == "stop" and reply.usage.total_tokens == (
        reply.usage.prompt_tokens + reply.usage.completion_tokens
    )
    assert reply._request_id.startswith("req_")
    yield "chat: a pack, by a strict schema"

    class Answer(pydantic.BaseModel):
        reason: str
        category: Literal["Toys", "Books"]

    parsed = client.chat.completions.parse(
        model="gpt-6-luna", messages=[{"role": "user", "content": "War and Peace"}], response_format=Answer
    )
    assert parsed.choices[0].message.parsed.category == "Books"
    yield "chat: parse() into a class"

    content = "Choose.\nCategories:\n- Toys: things to play with\n- Books\n\nOne label only."
    messages = [{"role": "system", "content": content}, {"role": "user", "content": "LEGO police station"}]
    plain = client.chat.completions.create(model="local", messages=messages, max_tokens=16)
    assert plain.choices[0].message.content == "Toys", plain
    yield "chat: plain text, labels of the instruction"

    likely = chat(titles=["War and Peace"], logprobs=True, top_logprobs=5, reasoning_effort="none")
    tokens = likely.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == likely.choices[0].message.content
    assert bytes(sum((token.bytes for token in tokens), [])).decode() == likely.choices[0].message.content
    book = next(token for token in tokens if token.token == "Book")
    assert math.isclose(book.logprob, 0.0) and len(book.top_logprobs) == len(LABELS), book
    yield "chat: log-probabilities"

    part = {"type": "text", "text": "Rules. " * 700, "prompt_cache_breakpoint": {"mode": "explicit"}}
    messages = [{"role": "developer", "content": [part]}, {"role": "user", "content": "LEGO police station"}]
    first, second = (client.chat.completions.create(model="gpt-6-luna", messages=messages) for _ in range(2))
    details = [reply.usage.prompt_tokens_details for reply in (first, second)]
    assert details[0].cache_write_tokens >= 1024 and details[0].cached_tokens == 0, details
    assert details[1].cached_tokens == details[0].cache_write_tokens and details[1].cache_write_tokens == 0, details
    yield "chat: a marked prefix is written to the cache, then read"

    choices = [{"value": label, "description": "a label"} for label in LABELS]
    decided = client.decisions.create(
        model="gpt-6-luna",
        input=[{"type": "message", "role": "user", "content": pack(TITLES)}],
        questions=[
            {"type": "choice", "name": f"item_{at}", "instructions": "Which?", "choices": choices}
            for at in range(1, len(TITLES) + 1)
        ],
    )
    assert [answer.choice for answer in decided.answers] == list(TITLES.values())
    assert all(abs(sum(p.probability for p in answer.probabilities) - 1) < 1e-9 for answer in decided.answers)
    assert decided.usage.output_tokens == 0 and decided.usage.input_tokens > 0
    yield "decisions"

    embedded = [
        client.embeddings.create(model="text-embedding-3-small", input=["red shoes", "red shoe"], dimensions=64, **how)
        for how in ({}, {"encoding_format": "float"})
    ]
    vectors = [[entry.embedding for entry in reply.data] for reply in embedded]
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(vectors[0][0], vectors[1][0])), vectors
    assert sum(a * b for a, b in zip(*vectors[0])) > 0.6 and len(vectors[0][0]) == 64
    yield "embeddings: base64, which the SDK prefers, and numbers"

    for fault, error in {
        "unauthorized": openai.AuthenticationError,
        "forbidden": openai.PermissionDeniedError,
        "model_not_found": openai.NotFoundError,
        "rate_limit": openai.RateLimitError,
        "quota": openai.RateLimitError,
        "conflict": openai.ConflictError,
        "context_length_exceeded": openai.BadRequestError,
        "server_error": openai.InternalServerError,
        "overloaded": openai.InternalServerError,
        "reset": openai.APIConnectionError,
    }.items():
        server.faults(fault)
        try:
            chat()
            raise AssertionError(f"no error at {fault}")
        except error as raised:
            body = getattr(raised, "body", None)
            assert fault == "reset" or {"message", "type", "param", "code"} <= body.keys(), body
            assert fault != "quota" or raised.code == "insufficient_quota"
    yield "errors are of the SDK's classes"

    server.faults("hang")
    try:
        chat(client.with_options(timeout=0.5))
        raise AssertionError("no timeout")
    except openai.APITimeoutError:
        pass
    server.faults("refusal")
    refused = chat().choices[0].message
    assert refused.content is None and refused.refusal
    server.faults("length")
    assert chat().choices[0].finish_reason == "length"
    yield "hang, refusal, length"

    before = server.account()
    server.faults({"fault": "rate_limit", "retry_after_ms": 300}, "server_error")
    assert chat(client.with_options(max_retries=2)).choices
    after = server.account()
    assert after["requests"] == before["requests"] + 3 and after["too_early"] == before["too_early"], after
    yield "the SDK retries, and not before Retry-After"

    schema = schema_of(LABELS)
    del schema["json_schema"]["schema"]["additionalProperties"]
    for wrong in ({"response_format": schema}, {"max_tokens": 5}, {"extra_body": {"invented": 1}}):
        try:
            chat(**wrong)
            raise AssertionError(f"taken: {wrong}")
        except openai.BadRequestError:
            pass
    yield "what OpenAI refuses is refused"


def check_typesafe(server):
    from typesafe_sdk import Choice, TypeSafeClient

    with TypeSafeClient(api_key="key", base_url=server.url) as client:
        assert client.models.list().models
        criteria = dict.fromkeys(LABELS)
        question = {"category": Choice(instructions="Which?", criteria=criteria)}
        for title, label in TITLES.items():
            for state in (title, {"title": title}):
                answer = client.system_one(state=state, questions=question).choices["category"]
                assert answer.choice == label and answer.probabilities.keys() == criteria.keys(), answer
        server.faults({"fault": "rate_limit", "retry_after_ms": 1000})
        early = server.account()["too_early"]
        client.system_one(state="Garden hose 20 m", questions=question)
        assert server.account()["too_early"] == early and early > 0, "those above came too early, this one did not"
    yield "TypeSafe SDK: models, answers, a retry after Retry-After"


def check_jevcompat(program):
    for arguments in ([], ["--key", "jev-key"]):
        with Server(program, *arguments) as server:
            command = [str(pathlib.Path(sys.executable).parent / "jevcompat"), "test", server.url, *arguments]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            summary = [line for line in done.stdout.splitlines() if line.strip()][-1]
            yield f"jevcompat {'with' if arguments else 'without'} a key: {summary.strip()}"


def check_account(server):
    account = server.account()
    assert account["in_flight"] == 0 and account["charged_requests"] > 0, account
    yield "what was charged is in the account"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / "target" / "peers" / "light")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    parser.add_argument("--server", type=pathlib.Path, default=target / "debug" / "fake-llm")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        python = environment(arguments.venv)
        os.execv(python, [python, __file__, "--inside", "--server", str(arguments.server)])
    passed, failed = 0, 0
    with Server(arguments.server) as server:
        checks = [
            check_openai(server),
            check_anthropic(server),
            check_gemini(server),
            check_typesafe(server),
            check_jevcompat(arguments.server),
            check_account(server),
            check_openai_batches(server),
            check_anthropic_batches(server),
            check_gemini_batches(server),
            check_batch_account(server),
        ]
        for check in checks:
            try:
                for line in check:
                    print(f"ok   {line}", flush=True)
                    passed += 1
            except Exception:
                # The next one may be right.
                traceback.print_exc(file=sys.stdout)
                failed += 1
    print(f"{passed} passed, {failed} failed", flush=True)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
