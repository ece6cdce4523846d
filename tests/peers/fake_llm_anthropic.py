"""Anthropic's SDK drives fake-llm."""

from fake_llm_server import LABELS, RIGHT, TITLES, answers_of, json_schema, pack, raises


def check_anthropic(server):
    import anthropic
    import pydantic
    from typing import Literal

    client = anthropic.Anthropic(base_url=server.url, api_key="sk-ant-test", max_retries=0, timeout=5)

    def send(client=client, titles=tuple(TITLES), **more):
        config = {"format": {"type": "json_schema", "schema": json_schema(LABELS)}}
        messages = [{"role": "user", "content": pack(titles)}]
        return client.messages.create(
            **{"model": "claude-haiku-5-5", "max_tokens": 1000, "messages": messages, "output_config": config} | more
        )

    reply = send()
    assert answers_of(reply.content[0].text) == RIGHT, reply
    assert reply.stop_reason == "end_turn" and reply.usage.output_tokens > 0
    assert reply._request_id.startswith("req_")
    yield "messages: a pack, by output_config"

    class Answer(pydantic.BaseModel):
        rationale: str
        category: Literal["Toys", "Books"]

    parsed = client.messages.parse(
        model="claude-haiku-5-5",
        max_tokens=200,
        messages=[{"role": "user", "content": "War and Peace"}],
        output_format=Answer,
    ).parsed_output
    assert parsed.category == "Books" and parsed.rationale, parsed
    yield "messages: parse() into a class"

    thinking = send(model="claude-sonnet-5-5")
    assert [block.type for block in thinking.content] == ["thinking", "text"]
    assert answers_of(thinking.content[1].text) == RIGHT
    assert 0 < thinking.usage.output_tokens_details.thinking_tokens < thinking.usage.output_tokens
    yield "messages: a model that always thinks"

    tool = {"name": "sort", "description": "Stores.", "input_schema": json_schema(LABELS)}
    used = client.messages.create(
        model="claude-haiku-4-5",
        max_tokens=500,
        messages=[{"role": "user", "content": pack(TITLES)}],
        tools=[tool],
        tool_choice={"type": "tool", "name": "sort"},
    )
    assert used.stop_reason == "tool_use" and used.content[0].input["items"][0]["category"] == "Toys", used
    yield "messages: a forced tool of an older model"

    system = [{"type": "text", "text": "Rules. " * 400, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    first, second = (send(system=system).usage for _ in range(2))
    assert first.cache_creation.ephemeral_1h_input_tokens == first.cache_creation_input_tokens >= 512, first
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens, second
    yield "messages: a marked prefix is written to the cache, then read"

    counted = client.messages.count_tokens(
        model="claude-haiku-5-5", messages=[{"role": "user", "content": "x" * 400}]
    )
    assert counted.input_tokens == 100, counted
    yield "count_tokens"

    for fault, error in {
        "unauthorized": anthropic.AuthenticationError,
        "forbidden": anthropic.PermissionDeniedError,
        "model_not_found": anthropic.NotFoundError,
        "conflict": anthropic.ConflictError,
        "rate_limit": anthropic.RateLimitError,
        "quota": anthropic.EnforcedSpendLimitReachedError,
        "context_length_exceeded": anthropic.BadRequestError,
        "server_error": anthropic.InternalServerError,
        "loading": anthropic.ServiceUnavailableError,
        "overloaded": anthropic.OverloadedError,
        "request_timeout": anthropic.DeadlineExceededError,
        "reset": anthropic.APIConnectionError,
    }.items():
        raised = raises(server, fault, error, send)
        body = getattr(raised, "body", None)
        assert fault == "reset" or body["type"] == "error", body
    yield "errors are of the SDK's classes"

    server.faults("refusal")
    assert send().stop_reason == "refusal"
    server.faults("length")
    assert send().stop_reason == "max_tokens"
    yield "refusal, length"

    before = server.account()
    server.faults({"fault": "rate_limit", "retry_after_ms": 1000}, "server_error")
    assert send(client.with_options(max_retries=2)).content
    after = server.account()
    assert after["requests"] == before["requests"] + 3 and after["too_early"] == before["too_early"], after
    yield "the SDK retries, and not before Retry-After"

    old = client.with_options(default_headers={"anthropic-version": "2023-06-01"})
    assert send(old, model="claude-haiku-4-5", extra_body={"temperature": 0}).content
    for wrong in ({"extra_body": {"temperature": 1}}, {"extra_body": {"invented": 1}}, {"max_tokens": 0}):
        try:
            send(model="claude-haiku-4-5", **wrong)
            raise AssertionError(f"taken: {wrong}")
        except anthropic.BadRequestError:
            pass
    yield "what Anthropic refuses is refused"
