"""The SDKs send batches to fake-llm, a day of which passes at once."""

import json
import tempfile

from fake_llm_server import LABELS, RIGHT, TITLES, answers_of, json_schema, pack, schema_of

HOUR = 3600


def check_openai_batches(server):
    import openai

    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="sk-batch", max_retries=0, timeout=5)
    body = {
        "model": "gpt-6-luna",
        "messages": [{"role": "user", "content": pack(TITLES)}],
        "response_format": schema_of(LABELS),
    }

    def create(lines, **more):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            with open(file.name, "rb") as upload:
                uploaded = client.files.create(file=upload, purpose="batch")
        assert uploaded.status == "processed" and uploaded.purpose == "batch" and uploaded.bytes > 0, uploaded
        return client.batches.create(
            input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h", **more
        )

    def lines(count, body=body):
        return [
            {"custom_id": f"r-{at}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            for at in range(count)
        ]

    batch = create(lines(20) + [{**lines(1, {**body, "stream": True})[0], "custom_id": "wrong"}], metadata={"job": "1"})
    assert batch.status == "validating" and batch.metadata == {"job": "1"}, batch
    server.advance(300)
    assert client.batches.retrieve(batch.id).status == "in_progress"
    server.advance(3 * HOUR)
    done = client.batches.retrieve(batch.id)
    assert done.status == "completed" and (done.request_counts.completed, done.request_counts.failed) == (20, 1), done
    results = [json.loads(line) for line in client.files.content(done.output_file_id).text.splitlines()]
    assert {result["custom_id"] for result in results} == {f"r-{at}" for at in range(20)}
    for result in results:
        reply = openai.types.chat.ChatCompletion.model_validate(result["response"]["body"])
        assert answers_of(reply.choices[0].message.content) == RIGHT
    (error,) = [json.loads(line) for line in client.files.content(done.error_file_id).text.splitlines()]
    assert error["custom_id"] == "wrong" and error["response"]["status_code"] == 400, error
    yield "batches: files, a course, results and errors"

    failed = create([{"custom_id": "a"}])
    server.advance(60)
    failed = client.batches.retrieve(failed.id)
    assert failed.status == "failed" and failed.errors.data[0].code == "invalid_json_line", failed
    cancelled = create(lines(50))
    server.advance(300)
    assert client.batches.cancel(cancelled.id).status == "cancelling"
    server.advance(HOUR)
    assert client.batches.retrieve(cancelled.id).status == "cancelled"
    listed = list(client.batches.list(limit=1))
    assert [entry.id for entry in listed] == [cancelled.id, failed.id, batch.id], listed
    yield "batches: failed after it was accepted, cancelled, listed page by page"

    try:
        client.batches.retrieve("batch_0")
        raise AssertionError("found")
    except openai.NotFoundError:
        pass
    embed = {"custom_id": "e", "method": "POST", "url": "/v1/embeddings"}
    embed["body"] = {"model": "text-embedding-3-small", "input": "red shoes"}
    uploaded = client.files.create(file=("in.jsonl", json.dumps(embed).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/embeddings", completion_window="24h")
    server.advance(3 * HOUR)
    text = client.files.content(client.batches.retrieve(batch.id).output_file_id).text
    assert json.loads(text)["response"]["body"]["data"][0]["embedding"], text
    assert uploaded.id in [file.id for file in client.files.list(purpose="batch")]
    assert client.files.delete(uploaded.id).deleted
    yield "batches: embeddings; files are listed and deleted"


def check_anthropic_batches(server):
    import anthropic

    client = anthropic.Anthropic(base_url=server.url, api_key="sk-ant-batch", max_retries=0, timeout=5)
    params = {
        "model": "claude-haiku-5-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": pack(TITLES)}],
        "output_config": {"format": {"type": "json_schema", "schema": json_schema(LABELS)}},
    }
    wrong = {key: value for key, value in params.items() if key != "messages"} | {"messages": []}
    requests = [{"custom_id": f"r-{at}", "params": params} for at in range(20)]
    batch = client.messages.batches.create(requests=requests + [{"custom_id": "wrong", "params": wrong}])
    assert batch.processing_status == "in_progress" and batch.request_counts.processing == 21, batch
    try:
        list(client.messages.batches.results(batch.id))
        raise AssertionError("results before the end")
    except anthropic.AnthropicError:
        pass
    server.advance(3 * HOUR)
    batch = client.messages.batches.retrieve(batch.id)
    assert batch.processing_status == "ended" and batch.request_counts.succeeded == 20, batch
    results = {result.custom_id: result.result for result in client.messages.batches.results(batch.id)}
    assert results.pop("wrong").error.error.type == "invalid_request_error"
    for result in results.values():
        assert result.type == "succeeded" and answers_of(result.message.content[0].text) == RIGHT
        assert result.message.usage.service_tier == "batch"
    assert len(results) == 20
    yield "batches: a course, results in a stream"

    cancelled = client.messages.batches.create(requests=requests)
    server.advance(300)
    assert client.messages.batches.cancel(cancelled.id).processing_status == "canceling"
    server.advance(HOUR)
    kinds = {result.result.type for result in client.messages.batches.results(cancelled.id)}
    assert kinds <= {"succeeded", "canceled"} and "canceled" in kinds, kinds
    assert [entry.id for entry in client.messages.batches.list(limit=1)] == [cancelled.id, batch.id]
    assert client.messages.batches.delete(batch.id).type == "message_batch_deleted"
    for requests in ([{"custom_id": "a b", "params": params}], [{"custom_id": "a", "params": params}] * 2, []):
        try:
            client.messages.batches.create(requests=requests)
            raise AssertionError(f"taken: {requests}")
        except anthropic.BadRequestError:
            pass
    yield "batches: cancelled, listed page by page, deleted, refused"


def check_gemini_batches(server):
    from google import genai
    from google.genai import types

    client = genai.Client(api_key="g-batch", http_options={"base_url": server.url})
    model = "gemini-2.5-flash-lite"
    config = {"response_mime_type": "application/json", "response_json_schema": json_schema(LABELS)}
    request = {"contents": [{"role": "user", "parts": [{"text": pack(TITLES)}]}], "config": config}
    inline = client.batches.create(model=model, src=[request] * 3, config={"display_name": "inline"})
    assert inline.state == types.JobState.JOB_STATE_PENDING and inline.display_name == "inline", inline
    wire = {"responseMimeType": "application/json", "responseJsonSchema": json_schema(LABELS)}
    line = {"contents": request["contents"], "generationConfig": wire}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps({"key": f"r-{at}", "request": line}) + "\n" for at in range(20))
        file.write(json.dumps({"key": "wrong", "request": {}}) + "\n")
        file.flush()
        upload = {"display_name": "in", "mime_type": "application/jsonl"}
        uploaded = client.files.upload(file=file.name, config=upload)
    assert uploaded.state == types.FileState.ACTIVE and uploaded.size_bytes > 0, uploaded
    batch = client.batches.create(model=model, src=uploaded.name, config={"display_name": "of a file"})
    server.advance(300)
    assert client.batches.get(name=batch.name).state == types.JobState.JOB_STATE_RUNNING
    server.advance(3 * HOUR)
    done = client.batches.get(name=batch.name)
    assert done.state == types.JobState.JOB_STATE_SUCCEEDED and done.dest.file_name, done
    text = client.files.download(file=done.dest.file_name).decode()
    results = {line["key"]: line for line in map(json.loads, text.splitlines())}
    assert results.pop("wrong")["error"]["code"] == 3 and len(results) == 20, results
    for result in results.values():
        reply = types.GenerateContentResponse.model_validate(result["response"])
        assert answers_of(reply.text) == RIGHT
    yield "batches: an upload, a course, results in a file"

    cancelled = client.batches.create(model=model, src=uploaded.name, config={"display_name": "cancelled"})
    server.advance(300)
    client.batches.cancel(name=cancelled.name)
    server.advance(HOUR)
    assert client.batches.get(name=cancelled.name).state == types.JobState.JOB_STATE_CANCELLED
    names = [entry.display_name for entry in client.batches.list(config={"page_size": 1})]
    assert names == ["cancelled", "of a file", "inline"], names
    client.batches.delete(name=cancelled.name)
    client.files.delete(name=uploaded.name)
    assert len(list(client.batches.list())) == 2
    yield "batches: cancelled, listed page by page, deleted"


def check_batch_account(server):
    batches = server.account()["batches"]
    assert batches["created"] == 9 and batches["failed"] == 1 and batches["cancelled"] == 3, batches
    # Each line is rounded up by itself.
    assert 0 <= 2 * batches["charged_nanousd"] - batches["live_nanousd"] <= 2 * batches["charged_lines"], batches
    yield f"batches: {batches['charged_lines']} lines at half the price"
