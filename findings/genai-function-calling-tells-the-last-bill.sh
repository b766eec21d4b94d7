#!/usr/bin/env bash
# Given a Python function as a tool, a chat of google-genai calls it and asks the model again by itself. The usage it returns
# is that of the last request alone (those of a continued answer are summed): what the others cost is told nowhere. And what
# the function raises never reaches the caller: its text goes to the model, which can have it called again, and whose last
# word is the answer.
# Seen with: google-genai 3.6.1, httpx2 2.16.2, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-genai==3.6.1 httpx2==2.16.2 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from google import genai
from google.genai.types import HttpOptions

CALL = {"functionCall": {"name": "refund", "args": {"order_id": "A-1"}}}
ANSWERS = [(CALL, 1000), (CALL, 2000), ({"text": "It is refunded."}, 3000)]


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []

    def do_POST(self):
        self.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        part, tokens = ANSWERS[len(self.asked) - 1]
        usage = {"promptTokenCount": tokens, "candidatesTokenCount": 7, "totalTokenCount": tokens + 7}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        reply = json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


def refund(order_id: str) -> dict:
    """Refund an order."""
    made.append(order_id)
    raise ConnectionError("the shop does not answer")


made = []
server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("google-genai", version("google-genai"))
client = genai.Client(api_key="key", http_options=HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}"))
answer = client.chats.create(model="gemini", config={"tools": [refund]}).send_message("Refund order A-1")
paid = sum(tokens for _, tokens in ANSWERS[: len(Model.asked)])
told = answer.usage_metadata.prompt_token_count
print(f"{len(Model.asked)} requests, refund called {len(made)} times, answer {answer.text!r}")
print(f"tokens asked: {paid} paid, {told} told")
error = Model.asked[-1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
print(f"the model is told {error}")
assert len(Model.asked) == 3 and made == ["A-1", "A-1"], "it does not go on"
assert answer.text == "It is refunded.", "the caller is told of the exception"
assert (paid, told) == (6000, 3000), "the usage is that of all requests"
assert "the shop does not answer" in str(error), "the model is not told of the exception"
PYTHON
echo "as described"
