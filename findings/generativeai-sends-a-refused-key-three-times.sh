#!/usr/bin/env bash
# google-generativeai over REST answers a 401 by sending the same request twice more: its session takes a 401 for a token that
# expired, and refreshes the API key, which cannot be refreshed. Other refusals (400, 403) are sent once.
# Seen with: google-generativeai 0.8.6, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-generativeai==0.8.6 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, threading, warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

warnings.simplefilter("ignore", FutureWarning)
import google.generativeai as sdk
from google.api_core.exceptions import ClientError

STATUS, REPLY = 401, json.dumps({"error": {"message": "no"}}).encode()


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


print("google-generativeai", version("google-generativeai"))
endpoint = f"http://127.0.0.1:{server.server_port}"
sdk.configure(api_key="key", transport="rest", client_options={"api_endpoint": endpoint})
model, sent = sdk.GenerativeModel("gemini"), {}
for STATUS in (400, 401, 403):
    Model.calls = 0
    try:
        model.generate_content("question", request_options={"timeout": 10, "retry": None})
        raise SystemExit(f"{STATUS} is no error")
    except ClientError as error:
        sent[STATUS] = Model.calls
        print(f"{STATUS}: {type(error).__name__} after {Model.calls} request(s)")
assert sent == {400: 1, 401: 3, 403: 1}, "another number of requests"
PYTHON
echo "as described"
