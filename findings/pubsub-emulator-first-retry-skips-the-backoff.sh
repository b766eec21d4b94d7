#!/usr/bin/env bash
# Under a retry policy the Pub/Sub emulator makes its first retry at once, whatever the minimum backoff (5 s here), both of
# a pull and of a push; only from the second retry on does the backoff hold.
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
    times = []

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.times.append(time.monotonic())
        self.send_response(503)
        self.end_headers()

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
call("PUT", "topics/tasks", {})
policy = {"minimumBackoff": "5s", "maximumBackoff": "5s"}
common = {"topic": "projects/demo/topics/tasks", "ackDeadlineSeconds": 30, "retryPolicy": policy}
push = {"pushEndpoint": f"http://127.0.0.1:{server.server_port}/"}
for name, body in {"pulled": common, "pushed": {**common, "pushConfig": push}}.items():
    status, said = call("PUT", f"subscriptions/{name}", body)
    assert status == 200, said
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA=="}]})
pulls, until = [], time.monotonic() + 20
while time.monotonic() < until and (len(pulls) < 3 or len(Endpoint.times) < 3):
    _, answer = call("POST", "subscriptions/pulled:pull", {"maxMessages": 1, "returnImmediately": True})
    for received in answer.get("receivedMessages", []):
        pulls.append(time.monotonic())
        refusal = {"ackIds": [received["ackId"]], "ackDeadlineSeconds": 0}
        call("POST", "subscriptions/pulled:modifyAckDeadline", refusal)
    time.sleep(0.05)
for kind, times in {"pull": pulls, "push": Endpoint.times}.items():
    first, second = times[1] - times[0], times[2] - times[1]
    print(f"{kind}: first retry after {first:.1f} s, second after another {second:.1f} s; minimum backoff 5 s")
    assert first < 3, f"the first retry of a {kind} waits for its backoff"
    assert second > 4.5, f"the second retry of a {kind} does not wait"
PYTHON
echo "as described"
