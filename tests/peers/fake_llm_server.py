"""fake-llm as the checks of its SDKs start and ask it."""

import json
import subprocess
import tempfile
import urllib.request

TITLES = {"LEGO police station": "Toys", "War and Peace": "Books", "Garden hose 20 m": "Garden"}
LABELS = ["Toys", "Books", "Garden", "none of these"]


class Server:
    """fake-llm on a free port."""

    def __init__(self, program, *arguments):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8")
        self.file.writelines(f"{title}\t{label}\n" for title, label in TITLES.items())
        self.file.flush()
        command = [program, "--labels", self.file.name, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0, "it ends at SIGTERM with status 0"
        self.file.close()

    def account(self):
        return json.load(urllib.request.urlopen(f"{self.url}/_fake/account"))

    def advance(self, seconds):
        body = json.dumps({"by_s": seconds}).encode()
        request = urllib.request.Request(f"{self.url}/_fake/advance", body, {"content-type": "application/json"})
        urllib.request.urlopen(request).read()

    def faults(self, *script):
        body = json.dumps({"script": [{"fault": fault} if isinstance(fault, str) else fault for fault in script]})
        request = urllib.request.Request(
            f"{self.url}/_fake/faults", body.encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(request).read()


def json_schema(labels):
    """A pack's answers; every provider takes this schema."""
    item = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "category": {"type": "string", "enum": labels},
            "confidence": {"type": "number"},
        },
        "required": ["id", "category", "confidence"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": item}},
        "required": ["items"],
        "additionalProperties": False,
    }


def schema_of(labels):
    """The same as OpenAI takes it."""
    schema = json_schema(labels)
    return {"type": "json_schema", "json_schema": {"name": "answers", "strict": True, "schema": schema}}


def pack(titles):
    return json.dumps({"items": [{"id": at, "title": title} for at, title in enumerate(titles, 1)]})


def answers_of(text):
    """Categories by id."""
    return {answer["id"]: answer["category"] for answer in json.loads(text)["items"]}


RIGHT = dict(enumerate(TITLES.values(), 1))


def raises(server, fault, error, ask):
    """Asks a server that fails in this way; the error, which has to be of this very class."""
    server.faults(fault)
    try:
        ask()
    except error as raised:
        assert type(raised) is error, type(raised)
        return raised
    raise AssertionError(f"no error at {fault}")
