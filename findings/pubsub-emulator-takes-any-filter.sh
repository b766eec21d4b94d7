#!/usr/bin/env bash
# The Pub/Sub emulator stores any text as a subscription's filter, even what no filter can be, and then delivers every
# message: routing by filters looks right locally whatever they say.
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
import contextlib, http.client, json, sys, time

PORT = int(sys.argv[1])
FILTERS = {"never": 'attributes.kind = "refund"', "nonsense": "this is (no filter"}


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


ready()
call("PUT", "topics/tasks", {})
for name, text in FILTERS.items():
    status, said = call("PUT", f"subscriptions/{name}", {"topic": "projects/demo/topics/tasks", "filter": text})
    assert status == 200, f"the filter {text!r} is refused: {said}"
    assert said["filter"] == text, said
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA==", "attributes": {"kind": "order"}}]})
for name, text in FILTERS.items():
    _, answer = call("POST", f"subscriptions/{name}:pull", {"maxMessages": 10})
    found = [received["message"].get("attributes") for received in answer.get("receivedMessages", [])]
    print(f"filter {text!r} delivers {found}")
    assert found == [{"kind": "order"}], "the filter has an effect"
PYTHON
echo "as described"
