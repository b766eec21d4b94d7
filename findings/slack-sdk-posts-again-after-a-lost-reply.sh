#!/usr/bin/env bash
# By default slack_sdk repeats only what it should not: a message whose reply is lost with the connection is posted again,
# by webhook and chat.postMessage, sync and asyncio alike, so a channel shows it twice. A 429 or 503, where nothing was
# posted, is not repeated, and a webhook's send() raises nothing then. retry_handlers=[] sends each message once.
# Seen with: slack_sdk 3.48.0, aiohttp 3.14.5, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check slack_sdk==3.48.0 aiohttp==3.14.5 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 80 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import asyncio, json, logging, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

LOST = "a lost reply"


class Slack(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer, posted = LOST, []

    def do_POST(self):
        self.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
        if self.answer == LOST:
            self.close_connection = True
            return
        body = b'{"ok": false}'
        self.send_response(self.answer)
        self.send_header("retry-after", "0")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/"
logging.disable(logging.CRITICAL)
MESSAGE = {"channel": "C1", "text": "refund of 20 EUR approved"}


async def post_async(**options):
    await AsyncWebClient("token", base_url=address, **options).chat_postMessage(**MESSAGE)


async def hook_async(**options):
    return (await AsyncWebhookClient(address, **options).send(text=MESSAGE["text"])).status_code


WAYS = {
    "webhook": lambda **options: WebhookClient(address, **options).send(text=MESSAGE["text"]).status_code,
    "chat.postMessage": lambda **options: WebClient("token", base_url=address, **options).chat_postMessage(**MESSAGE),
    "webhook, asyncio": lambda **options: asyncio.run(hook_async(**options)),
    "chat.postMessage, asyncio": lambda **options: asyncio.run(post_async(**options)),
}


def send(way, answer, **options):
    """How often a message is posted, and what the caller is told."""
    Slack.answer = answer
    Slack.posted.clear()
    try:
        told = way(**options)
    except Exception as error:
        told = type(error)
    return len(Slack.posted), told


print("slack_sdk", version("slack_sdk"))
for name, way in WAYS.items():
    found = {answer: send(way, answer) for answer in (LOST, 429, 503)}
    once = send(way, LOST, retry_handlers=[])
    print(f"{name}: {found}; without handlers {once}")
    assert found[LOST][0] == 2 and once[0] == 1, "a message is not posted again"
    for status in (429, 503):
        told = status if "webhook" in name else SlackApiError
        assert found[status] == (1, told), f"{status} is repeated, or told in another way"
PYTHON
echo "as described"
