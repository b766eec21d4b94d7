#!/usr/bin/env bash
# What the Pub/Sub emulator pushes lacks what a step reads in the cloud: no deliveryAttempt although the subscription has a
# dead-letter policy, no orderingKey although order is kept, no Authorization header although an OIDC token was asked for.
# It counts all the same, and dead-letters after the fifth attempt; a pull shows both fields.
# Seen with: Pub/Sub emulator 0.8.20 (gcloud SDK 528.0.0), 2026-11.
set -euo pipefail

for tool in gcloud java python3; do
    command -v "$tool" >/dev/null ||
        { echo "needs gcloud with its pubsub-emulator, Java and Python 3; $tool is missing" >&2; exit 2; }
done
work=$(mktemp -d)
pid=
stop() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        for _ in {1..50}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

sdk=$(CLOUDSDK_CONFIG="$work/gcloud" timeout 30 gcloud info --format='value(installation.sdk_root)')
jars=("$sdk"/platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar)
[ -f "${jars[0]}" ] || { echo "this gcloud SDK has no pubsub-emulator" >&2; exit 2; }
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
java -jar "${jars[0]}" --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "${jars[0]##*/}, gcloud SDK $(cat "$sdk/VERSION")"

timeout -k 5 70 python3 - "$port" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import contextlib, http.client, json, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1])


def call(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    headers = {"content-type": "application/json"}
    connection.request(method, "/v1/projects/demo/" + path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"{}")


def ready():
    for _ in range(300):
        with contextlib.suppress(OSError):
            return call("GET", "topics")
        time.sleep(0.1)
    sys.exit("the emulator did not start")


class Endpoint(BaseHTTPRequestHandler):
    seen = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.path, body, {name.lower() for name in self.headers}))
        self.send_response(503)
        self.end_headers()

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
for name in ("tasks", "letters"):
    call("PUT", f"topics/{name}", {})
policy = {"deadLetterPolicy": {"deadLetterTopic": "projects/demo/topics/letters", "maxDeliveryAttempts": 5}}
order = {"enableMessageOrdering": True}
token = {"serviceAccountEmail": "pusher@demo.iam.gserviceaccount.com", "audience": "demo"}
for name, more in {"counted": policy, "ordered": order, "counted-pull": policy, "ordered-pull": order}.items():
    body = {"topic": "projects/demo/topics/tasks", **more}
    if not name.endswith("-pull"):
        body["pushConfig"] = {"pushEndpoint": f"http://127.0.0.1:{server.server_port}/{name}", "oidcToken": token}
    status, said = call("PUT", f"subscriptions/{name}", body)
    assert status == 200, said
assert call("PUT", "subscriptions/letters", {"topic": "projects/demo/topics/letters"})[0] == 200
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA==", "orderingKey": "k"}]})


def pull(name):
    _, answer = call("POST", f"subscriptions/{name}:pull", {"maxMessages": 1, "returnImmediately": True})
    return answer.get("receivedMessages", [])


letters, until = [], time.monotonic() + 30
while not letters and time.monotonic() < until:
    letters = pull("letters")
    time.sleep(0.2)
[counted], [ordered] = pull("counted-pull"), pull("ordered-pull")
attempts = sum(path == "/counted" for path, _, _ in Endpoint.seen)
print("pushes under the dead-letter policy:", attempts, "| dead letters:", len(letters))
print("pushed:", *({path: [*body, *body["message"]] for path, body, _ in Endpoint.seen}.items()))
print("pulled:", {"counted": sorted(counted), "ordered": sorted(ordered["message"])})
assert {path for path, _, _ in Endpoint.seen} == {"/counted", "/ordered"}, "not everything was pushed"
assert attempts == 5 and len(letters) == 1, "attempts are counted in another way"
for _, body, headers in Endpoint.seen:
    assert "deliveryAttempt" not in body, "deliveryAttempt is pushed"
    assert "orderingKey" not in body["message"] and "ordering_key" not in body["message"], "orderingKey is pushed"
    assert "authorization" not in headers, "a token is sent"
assert counted["deliveryAttempt"] == 1 and ordered["message"]["orderingKey"] == "k", "a pull lacks them, too"
PYTHON
echo "as described"
