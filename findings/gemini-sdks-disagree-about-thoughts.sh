#!/usr/bin/env bash
# The same reply with a thought before its answer: `.text` of google-genai is the answer, `.text` of google-generativeai is
# thought and answer joined, and its parts no longer know which is which.
# Seen with: google-generativeai 0.8.6, google-genai 3.6.1, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-generativeai==0.8.6 google-genai==3.6.1 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, threading, warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

warnings.simplefilter("ignore", FutureWarning)
import google.generativeai as old
from google import genai
from google.genai.types import HttpOptions

PARTS = [{"text": "I ponder.", "thought": True}, {"text": '{"intent": "refund"}'}]
STATUS = 200
REPLY = json.dumps({"candidates": [{"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}]}).encode()


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


print("google-generativeai", version("google-generativeai"), "| google-genai", version("google-genai"))
endpoint = f"http://127.0.0.1:{server.server_port}"
old.configure(api_key="key", transport="rest", client_options={"api_endpoint": endpoint})
of_old = old.GenerativeModel("gemini").generate_content("question", request_options={"timeout": 10, "retry": None})
client = genai.Client(api_key="key", http_options=HttpOptions(base_url=endpoint))
of_new = client.models.generate_content(model="gemini", contents="question")
print("google-generativeai:", repr(of_old.text), [hasattr(part, "thought") for part in of_old.parts])
print("google-genai:       ", repr(of_new.text), [part.thought for part in of_new.candidates[0].content.parts])
assert of_new.text == PARTS[1]["text"], "google-genai gives the thought, too"
assert of_old.text == "I ponder.\n" + PARTS[1]["text"], "google-generativeai leaves the thought out"
assert not any(hasattr(part, "thought") for part in of_old.parts), "google-generativeai knows thoughts"
PYTHON
echo "as described"
