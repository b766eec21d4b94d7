#!/usr/bin/env bash
# The Pub/Sub emulator never has more than two pushes of one subscription under way, however long they take and however
# many wait: a push endpoint of 400 ms gets 5 messages a second. A second subscription has its own two.
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

PORT, MESSAGES, CALL_S = int(sys.argv[1]), 24, 0.4


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
    lock, now, most, total, done = threading.Lock(), {}, {}, [0, 0], 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        with Endpoint.lock:
            self.now[self.path] = self.now.get(self.path, 0) + 1
            self.most[self.path] = max(self.now[self.path], self.most.get(self.path, 0))
            self.total[0] = max(self.total[0], sum(self.now.values()))
        time.sleep(CALL_S)
        with Endpoint.lock:
            self.now[self.path] -= 1
            Endpoint.done += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
for name in ("one", "two"):
    call("PUT", f"topics/{name}", {})
    push = {"pushEndpoint": f"http://127.0.0.1:{server.server_port}/{name}"}
    status, said = call("PUT", f"subscriptions/{name}", {"topic": f"projects/demo/topics/{name}", "pushConfig": push})
    assert status == 200, said
began = time.monotonic()
for name in ("one", "two"):
    call("POST", f"topics/{name}:publish", {"messages": [{"data": "eA=="}] * MESSAGES})
while Endpoint.done < 2 * MESSAGES and time.monotonic() - began < 30:
    time.sleep(0.05)
took = time.monotonic() - began
print(f"{Endpoint.done} pushes of {CALL_S} s in {took:.1f} s; most at once: {Endpoint.most}, together {Endpoint.total[0]}")
assert Endpoint.done >= 2 * MESSAGES, "not everything was pushed"
assert Endpoint.most == {"/one": 2, "/two": 2}, "another number of pushes in flight"
assert Endpoint.total[0] > 2 and took >= MESSAGES / 2 * CALL_S, "the subscriptions share a limit, or pushes overlap more"
PYTHON
echo "as described"
