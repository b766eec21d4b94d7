#!/usr/bin/env bash
# A status of 200 whose body is an error object, a list or nothing at all, as gateways send them now and then, is no error
# for google-genai: it returns a response in which everything is None, as if the model had chosen to say nothing.
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
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from google import genai
from google.genai.types import HttpOptions

STATUS, REPLY = 200, b""


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


print("google-genai", version("google-genai"))
client = genai.Client(api_key="key", http_options=HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}"))
for REPLY in (b"", b"[]", b"{}", b'{"error": {"code": 500, "status": "INTERNAL", "message": "try again"}}'):
    answer = client.models.generate_content(model="gemini", contents="question")
    usage, feedback = answer.usage_metadata, answer.prompt_feedback
    found = {"text": answer.text, "candidates": answer.candidates, "usage": usage, "feedback": feedback}
    print(f"{REPLY.decode()!r} -> {found}")
    assert set(found.values()) == {None}, "something of it is told"
PYTHON
echo "as described"
