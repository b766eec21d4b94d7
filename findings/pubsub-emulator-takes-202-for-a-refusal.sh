#!/usr/bin/env bash
# A push answered with 202 is pushed again by the Pub/Sub emulator, although the service counts 102, 200, 201, 202 and 204
# as acknowledgements. A redirect does acknowledge: it is followed, as a GET without the message.
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
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, STATUSES = int(sys.argv[1]), (200, 201, 202, 204, 205, 206, 302)


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
    seen, bodies = Counter(), Counter()

    def do_POST(self):
        size = int(self.headers["content-length"] or 0)
        self.rfile.read(size)
        self.seen[self.command, self.path] += 1
        self.bodies[self.command, self.path] += size
        status = int(self.path.strip("/") or 200)
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/200")
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
call("PUT", "topics/tasks", {})
for code in STATUSES:
    push = {"pushEndpoint": f"http://127.0.0.1:{server.server_port}/{code}"}
    body = {"topic": "projects/demo/topics/tasks", "ackDeadlineSeconds": 10, "pushConfig": push}
    status, said = call("PUT", f"subscriptions/answers-{code}", body)
    assert status == 200, said
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA=="}]})
time.sleep(15)
pushes = {code: Endpoint.seen["POST", f"/{code}"] for code in STATUSES}
print("pushes within 15 s by the status that was answered:", pushes)
print("requests of the redirect's target:", Endpoint.seen["GET", "/200"], "GET,", Endpoint.bodies["GET", "/200"], "bytes")
assert all(pushes[code] == 1 for code in (200, 201, 204)), "one of 200, 201, 204 does not acknowledge"
assert all(pushes[code] > 1 for code in (202, 205, 206)), "one of 202, 205, 206 acknowledges"
assert pushes[302] == 1 and Endpoint.seen["GET", "/200"] == 1, "a redirect is not followed as a GET, or not taken"
assert Endpoint.bodies["GET", "/200"] == 0, "the message follows the redirect"
PYTHON
echo "as described"
