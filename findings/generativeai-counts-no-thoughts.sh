#!/usr/bin/env bash
# google-generativeai drops what came after it: the tokens of a model's thoughts, which are billed, are no field of its usage
# (its parts no longer add up to the total, and a reader of candidates_token_count sees a fraction of the bill), and a finish
# reason it does not know is 0, "unspecified", whatever it was. google-genai keeps both.
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

warnings.simplefilter("ignore")
import google.generativeai as old
from google import genai
from google.genai.types import HttpOptions

USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 20, "thoughtsTokenCount": 700, "totalTokenCount": 730}
REASONS = ("MAX_TOKENS", "UNEXPECTED_TOOL_CALL", "CONTINUATION")
KNOWN = {"MAX_TOKENS"}


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reason = ""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        candidate = {"content": {"role": "model", "parts": [{"text": "answer"}]}, "finishReason": self.reason}
        reply = json.dumps({"candidates": [candidate], "usageMetadata": USAGE}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
old.configure(api_key="key", transport="rest", client_options={"api_endpoint": address})
client = genai.Client(api_key="key", http_options=HttpOptions(base_url=address))
print("google-generativeai", version("google-generativeai"), "google-genai", version("google-genai"))
for Model.reason in REASONS:
    before = old.GenerativeModel("gemini").generate_content("question")
    after = client.models.generate_content(model="gemini", contents="question")
    found = before.candidates[0].finish_reason.name, after.candidates[0].finish_reason.value
    print(f"{Model.reason}: google-generativeai {found[0]}, google-genai {found[1]}")
    wanted = Model.reason if Model.reason in KNOWN else "FINISH_REASON_UNSPECIFIED"
    assert found == (wanted, Model.reason), "the reasons are told otherwise"
told = before.usage_metadata
print("google-generativeai:", " ".join(str(told).split()))
print("google-genai: thoughts_token_count", after.usage_metadata.thoughts_token_count)
assert (told.prompt_token_count, told.candidates_token_count, told.total_token_count) == (10, 20, 730), "they are others"
assert "700" not in str(told) and after.usage_metadata.thoughts_token_count == 700, "thoughts are counted"
PYTHON
echo "as described"
