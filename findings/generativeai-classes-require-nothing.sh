#!/usr/bin/env bash
# A response_schema given to google-generativeai as a class (pydantic, dataclass, TypedDict) goes out without `required`: every
# field is optional, and a reply of {} fits. The same library does write it for the arguments of a function, and sends it of a
# schema given as a dict. A pydantic field with a default is refused before anything is sent.
# Seen with: google-generativeai 0.8.6, pydantic 2.14.4, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-generativeai==0.8.6 pydantic==2.14.4 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import dataclasses, json, threading, warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

warnings.simplefilter("ignore")
import google.generativeai as genai
import pydantic
from typing_extensions import TypedDict

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


class Pydantic(pydantic.BaseModel):
    order_id: str
    amount: float


@dataclasses.dataclass
class Dataclass:
    order_id: str
    amount: float


class Typed(TypedDict):
    order_id: str
    amount: float


class WithDefault(pydantic.BaseModel):
    order_id: str
    note: str = ""


def refund(order_id: str, amount: float):
    """Refund an order."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
genai.configure(api_key="key", transport="rest", client_options={"api_endpoint": address})


def ask(tools=None, **config):
    Model.asked.clear()
    genai.GenerativeModel("gemini", tools=tools).generate_content("question", generation_config=config)
    return Model.asked[0]


print("google-generativeai", version("google-generativeai"))
FIELDS = {"order_id": {"type": "string"}, "amount": {"type": "number"}}
given = {"type": "object", "properties": FIELDS, "required": ["order_id", "amount"]}
for schema in (Pydantic, Dataclass, Typed, given):
    body = ask(response_mime_type="application/json", response_schema=schema)
    sent = body["generationConfig"]["responseSchema"]
    print("a dict" if schema is given else schema.__name__, "->", sent)
    assert set(sent["properties"]) == {"order_id", "amount"}, "the fields are lost, too"
    assert sent.get("required") == (given["required"] if schema is given else None), "required is sent otherwise"
[declared] = ask([refund])["tools"][0]["functionDeclarations"]
print("arguments of a function require", declared["parameters"].get("required"))
assert declared["parameters"]["required"] == ["order_id", "amount"], "a function's arguments are optional, too"
try:
    raise SystemExit(f"sent {ask(response_mime_type='application/json', response_schema=WithDefault)}")
except ValueError as error:
    print("a default:", repr(error))
    assert "default" in str(error) and not Model.asked, "it is refused for something else"
PYTHON
echo "as described"
