#!/usr/bin/env bash
# An answer whose finish reason is CONTINUATION makes google-genai 3 ask on by itself until there is another reason, so
# that one generate_content() is as many billed requests as the server likes: max_output_tokens and the timeout hold for
# each of them, not for the call, and there is no most. If a later one is refused, what was said and paid before is lost: the
# caller gets the error alone. automatic_continuation=False makes it one request.
# Seen with: google-genai 3.6.1, httpx2 2.16.2, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-genai==3.6.1 httpx2==2.16.2 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 80 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from google import genai
from google.genai.errors import APIError
from google.genai.types import HttpOptions

PARTS, PAUSE_S, TIMEOUT_S = 6, 1, 5
LIMIT = 8


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked, refuse_from = [], None

    def do_POST(self):
        self.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        part = len(self.asked)
        time.sleep(PAUSE_S)
        status, body = 200, {
            "candidates": [{"content": {"role": "model", "parts": [{"text": f"part {part}. "}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": LIMIT, "totalTokenCount": 100 + LIMIT},
        }
        if part < PARTS:
            body["candidates"][0] |= {"finishReason": "CONTINUATION", "continuationToken": f"AAA{part}"}
        if self.refuse_from and part >= self.refuse_from:
            status, body = 429, {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}
        reply = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
options = HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}", timeout=TIMEOUT_S * 1000)
client = genai.Client(api_key="key", http_options=options)


def ask(**config):
    Model.asked.clear()
    start = time.monotonic()
    answer = client.models.generate_content(
        model="gemini", contents="question", config={"max_output_tokens": LIMIT, **config}
    )
    return answer, time.monotonic() - start


print("google-genai", version("google-genai"))
answer, took_s = ask()
usage = answer.usage_metadata
print(f"{len(Model.asked)} requests in {took_s:.1f} s of {TIMEOUT_S}: {answer.text!r}, {answer.candidates[0].finish_reason}")
print(f"tokens asked {usage.prompt_token_count}, answered {usage.candidates_token_count} of {LIMIT}")
assert len(Model.asked) == PARTS and took_s > TIMEOUT_S, "it is one request, or the timeout ends the call"
assert usage.candidates_token_count == PARTS * LIMIT, "the limit holds for the call"
assert {body["generationConfig"]["maxOutputTokens"] for body in Model.asked} == {LIMIT}, "the limit is lowered"
Model.refuse_from = 4
try:
    raise SystemExit(f"answered: {ask()[0].text}")
except APIError as error:
    print(f"the 4th of {len(Model.asked)} requests is refused: {error!r}, {vars(error)}")
    assert len(Model.asked) == 4 and "part 1" not in str(vars(error)), "what was said before is kept"
answer, _ = ask(automatic_continuation=False)
print(f"without continuation: {len(Model.asked)} request, {answer.text!r}, {answer.candidates[0].finish_reason}")
assert len(Model.asked) == 1, "it goes on nevertheless"
PYTHON
echo "as described"
