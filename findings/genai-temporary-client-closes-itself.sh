#!/usr/bin/env bash
# A google-genai client that no variable holds closes its connections while its own call is being made:
# genai.Client(...).models.generate_content(...) sends nothing and raises "the client has been closed". `.models` does not
# keep the client alive. With a variable for the client the same call is answered.
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

STATUS, REPLY = 200, json.dumps({"candidates": [{"content": {"parts": [{"text": "answer"}]}}]}).encode()


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        Model.calls += 1
        self.send_response(STATUS)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()


def client():
    return genai.Client(api_key="key", http_options=HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}"))


print("google-genai", version("google-genai"))
try:
    client().models.generate_content(model="gemini", contents="question")
    raise SystemExit("a temporary client works")
except RuntimeError as error:
    print(f"temporary client: {type(error).__name__}: {error}; requests: {Model.calls}")
    assert "closed" in str(error) and Model.calls == 0, "it fails in another way"
kept = client()
answer = kept.models.generate_content(model="gemini", contents="question")
print(f"kept client: {answer.text!r}; requests: {Model.calls}")
assert answer.text == "answer" and Model.calls == 1, "a kept client fails, too"
PYTHON
echo "as described"
