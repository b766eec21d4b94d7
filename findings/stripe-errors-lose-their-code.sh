#!/usr/bin/env bash
# Every error of stripe's Python library has a member `code`, but on /v1 only InvalidRequestError and CardError fill it:
# of a 409 (idempotency_key_in_use), 429 (lock_timeout), 401 or 403 it is None, although the answer has it and
# `.error.code` tells it, so `if error.code == "lock_timeout"` never holds. A 409 has no class of its own either, nor is
# it an IdempotencyError: it is an APIError, as a server's failure is. On /v2 the same answer keeps class and code.
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
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe


class Api(BaseHTTPRequestHandler):
    answer = (500, {})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, error = self.answer
        body = json.dumps({"error": {"message": "as asked", **error}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_address[1]}"
client = stripe.StripeClient("sk_test_demo", base_addresses={"api": base}, max_network_retries=0)


def refund():
    client.v1.refunds.create({"charge": "ch_1"}, {"idempotency_key": "refund-1"})


def any_v2():
    client.raw_request("post", "/v2/core/accounts", idempotency_key="account-1")


def seen(call, status, kind, code):
    Api.answer = (status, {"type": kind, "code": code})
    try:
        call()
    except stripe.StripeError as error:
        print(f"{call.__name__}: {status} {kind} {code}: {type(error).__name__}, code {error.code}, "
              f"error.code {error.error.code}")
        assert error.error.code == code, "the answer's code is nowhere"
        return type(error), error.code
    raise SystemExit("no error")


print("stripe", stripe.VERSION)
INVALID = "invalid_request_error"
assert seen(refund, 400, INVALID, "charge_already_refunded") == (stripe.InvalidRequestError, "charge_already_refunded")
assert seen(refund, 404, INVALID, "resource_missing") == (stripe.InvalidRequestError, "resource_missing")
assert seen(refund, 402, "card_error", "card_declined") == (stripe.CardError, "card_declined")
failure = seen(refund, 500, "api_error", None)
assert failure == (stripe.APIError, None), "a server's failure has another class"
assert seen(refund, 409, INVALID, "idempotency_key_in_use") == (stripe.APIError, None), "a 409 has its class or code"
assert seen(refund, 409, "idempotency_error", "idempotency_key_in_use") == (stripe.APIError, None), "the type counts"
assert seen(refund, 400, "idempotency_error", None)[0] is stripe.IdempotencyError, "a 400 is none either"
assert seen(refund, 429, INVALID, "lock_timeout") == (stripe.RateLimitError, None), "a 429 has its code"
assert seen(refund, 401, INVALID, "api_key_expired") == (stripe.AuthenticationError, None), "a 401 has its code"
assert seen(refund, 403, INVALID, "account_invalid") == (stripe.PermissionError, None), "a 403 has its code"
v2 = seen(any_v2, 409, "idempotency_error", "idempotency_key_in_use")
assert v2 == (stripe.IdempotencyError, "idempotency_key_in_use"), "/v2 loses it, too"
server.shutdown()
PYTHON
echo "as described"
