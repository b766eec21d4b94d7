#!/usr/bin/env bash
# A class that refers to itself (a category with sub-categories) loses just that when it is google-genai's response_schema:
# the field goes out as {}, so that the model may answer anything, and nobody is told. Besides, names of two words inside a
# schema go out in snake_case (max_length, property_ordering), whichever were given, in a body that is camelCase elsewhere: a
# gateway that reads the documented names misses them. response_json_schema keeps both, but takes no class.
# Seen with: google-genai 3.6.1, httpx2 2.16.2, pydantic 2.14.4, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-genai==3.6.1 httpx2==2.16.2 pydantic==2.14.4 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Optional

import pydantic
from google import genai
from google.genai.types import HttpOptions

REPLY = json.dumps({"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "STOP"}]}).encode()


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []

    def do_POST(self):
        self.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *words):
        pass


class Category(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=40)
    parent: Optional["Category"] = None
    children: list["Category"] = []


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = genai.Client(api_key="key", http_options=HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}"))


def sent(**config):
    Model.asked.clear()
    config["response_mime_type"] = "application/json"
    client.models.generate_content(model="gemini", contents="question", config=config)
    return Model.asked[0]["generationConfig"]


print("google-genai", version("google-genai"))
config = sent(response_schema=Category)
fields = config["responseSchema"]["properties"]
print("a class:", json.dumps(config))
assert fields["children"]["items"] == {} and "type" not in fields["parent"], "what refers to itself is sent"
assert fields["name"]["max_length"] == 40 and "property_ordering" in config["responseSchema"], "the spelling is another"
PLAIN = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 40}}, "propertyOrdering": ["a"]}
config = sent(response_schema=PLAIN)
print("a dict with the documented names:", json.dumps(config))
assert config["responseSchema"]["properties"]["a"] == {"type": "STRING", "max_length": 40}, "the given name is kept"
assert "property_ordering" in config["responseSchema"], "the given name is kept"
config = sent(response_json_schema=Category.model_json_schema())
print("response_json_schema:", json.dumps(config))
assert config["responseJsonSchema"] == Category.model_json_schema(), "it is changed"
try:
    raise SystemExit(f"sent {sent(response_json_schema=Category)}")
except TypeError as error:
    print("response_json_schema of a class:", repr(error))
PYTHON
echo "as described"
