#!/usr/bin/env bash
# stripe.max_network_retries is 2 by default: stripe.Refund.create() sends a 409 or 503 three times in all, under one
# idempotency key. StripeClient, which is to replace those calls, takes no notice of it, nor of what one sets there: it
# sends once. Whoever moves over loses all retries, until the client's own max_network_retries is given.
# Seen with: stripe 16.1.0, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stripe==16.1.0 requests==2.34.2 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe


class Busy(BaseHTTPRequestHandler):
    status, keys = 503, []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.keys.append(self.headers["idempotency-key"])
        body = b'{"error": {"type": "api_error", "message": "later"}}'
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_address[1]}"
stripe.api_key, stripe.api_base = "sk_test_demo", base


def module():
    stripe.Refund.create(charge="ch_1")


def client(**options):
    stripe.StripeClient("sk_test_demo", base_addresses={"api": base}, **options).v1.refunds.create({"charge": "ch_1"})


def sent(name, status, call, **options):
    """Return how often a call is sent before its error comes."""
    Busy.status = status
    Busy.keys.clear()
    try:
        call(**options)
    except stripe.APIError:
        times, keys = len(Busy.keys), len(set(Busy.keys))
        print(f"stripe.max_network_retries {stripe.max_network_retries}, {status}: {name} sent {times} x, {keys} key")
        assert keys == 1, "a repetition has another key"
        return times
    raise SystemExit("no error")


print("stripe", stripe.VERSION)
assert stripe.max_network_retries == 2, "another default"
for status in (409, 503):
    assert sent("Refund.create()", status, module) == 3, "the module does not retry"
    assert sent("StripeClient", status, client) == 1, "the client retries by itself"
stripe.max_network_retries = 1
assert sent("Refund.create()", 503, module) == 2, "the module takes no notice"
assert sent("StripeClient", 503, client) == 1, "the client takes notice of the module's number"
name = "StripeClient(max_network_retries=1)"
assert sent(name, 503, client, max_network_retries=1) == 2, "its own number does not count"
server.shutdown()
PYTHON
echo "as described"
