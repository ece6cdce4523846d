"""Google's SDK drives fake-llm."""

import math
import time

from fake_llm_server import LABELS, RIGHT, TITLES, answers_of, json_schema, pack, raises


def check_gemini(server):
    from google import genai
    from google.genai import errors, types

    def connect(**options):
        options = types.HttpOptions(base_url=server.url, timeout=5000, **options)
        return genai.Client(api_key="AIza-test", http_options=options)

    client = connect()

    def generate(client=client, model="gemini-2.5-flash-lite", contents=pack(TITLES), **more):
        how = {"response_mime_type": "application/json", "response_json_schema": json_schema(LABELS)} | more
        config = types.GenerateContentConfig(system_instruction="Assign a category.", **how)
        return client.models.generate_content(model=model, contents=contents, config=config)

    reply = generate()
    assert answers_of(reply.text) == RIGHT, reply
    usage = reply.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count, usage
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP and reply.model_version
    yield "generate_content: a pack, by a JSON schema"

    enum = types.Schema(type=types.Type.STRING, enum=["Toys", "Books"])
    bare = generate(
        contents="War and Peace", response_mime_type="text/x.enum", response_json_schema=None, response_schema=enum
    )
    assert bare.text == "Books", bare
    yield "generate_content: a bare label of an enum"

    thinking = types.ThinkingConfig(include_thoughts=True)
    thought = generate(model="gemini-3.8-flash", thinking_config=thinking)
    assert answers_of(thought.text) == RIGHT and thought.candidates[0].content.parts[0].thought
    assert thought.usage_metadata.thoughts_token_count > 0
    yield "generate_content: thoughts"

    counted = client.models.count_tokens(model="gemini-2.5-flash-lite", contents="x" * 400)
    assert counted.total_tokens == 100, counted
    yield "count_tokens"

    embedded = client.models.embed_content(
        model="gemini-embedding-001",
        contents=["red shoes", "red shoe"],
        config=types.EmbedContentConfig(output_dimensionality=64, task_type="CLASSIFICATION"),
    )
    one, other = (embedding.values for embedding in embedded.embeddings)
    length = [math.sqrt(sum(x * x for x in vector)) for vector in (one, other)]
    assert len(one) == 64 and length[0] < 0.5, length
    assert sum(a * b for a, b in zip(one, other)) / length[0] / length[1] > 0.6
    yield "embed_content"

    question = {"type": "choice", "instructions": "Which?", "criteria": {label: "a label" for label in LABELS}}
    decided = client.decisions.create(
        model="models/gemini-decision-1",
        input=pack(TITLES),
        questions={f"item_{at}": question for at in RIGHT} | {"gift": {"type": "noul", "instructions": "A gift?"}},
    )
    assert {at: decided.answers[f"item_{at}"].choice for at in RIGHT} == RIGHT, decided
    assert decided.answers["item_1"].confidence == max(decided.answers["item_1"].probabilities.values())
    assert 0.5 <= decided.answers["gift"].confidence <= 1
    assert decided.usage.total_input_tokens == decided.usage.total_tokens > 0, decided.usage
    image = {"type": "image", "mime_type": "image/png", "data": "YWJj"}
    shown = client.decisions.create(model="models/gemini-decision-1", input=[image], questions={"a": question})
    assert shown.answers["a"].choice in LABELS and shown.usage.total_input_tokens > 258, shown
    yield "decisions, of texts and of an image"

    for fault, error, code, status in [
        ("unauthorized", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("forbidden", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("model_not_found", errors.ClientError, 404, "NOT_FOUND"),
        ("rate_limit", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("quota", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("server_error", errors.ServerError, 500, "INTERNAL"),
        ("overloaded", errors.ServerError, 503, "UNAVAILABLE"),
    ]:
        raised = raises(server, fault, error, generate)
        assert (raised.code, raised.status) == (code, status), raised
    yield "errors are of the SDK's classes"

    server.faults("refusal")
    blocked = generate()
    assert blocked.prompt_feedback.block_reason and not blocked.candidates, blocked
    server.faults("length")
    assert generate().candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    yield "a blocked prompt, length"

    again = connect(retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.2, max_delay=0.4))
    before = server.account()
    server.faults({"fault": "rate_limit", "retry_after_ms": 1}, "overloaded")
    start = time.monotonic()
    assert answers_of(generate(again).text) == RIGHT
    assert server.account()["requests"] == before["requests"] + 3 and time.monotonic() - start < 4
    yield "the SDK retries where it is told to"

    for wrong in ({"response_logprobs": True}, {"response_mime_type": "text/plain"}, {"candidate_count": 2}):
        try:
            generate(**wrong)
            raise AssertionError(f"taken: {wrong}")
        except errors.ClientError as raised:
            assert raised.code == 400
    assert server.account()["keys_leaked"] == 0, "the SDK sends its key in a header"
    yield "what Gemini refuses is refused"
