#!/usr/bin/env bash
# With exactly-once delivery the service refuses an acknowledgement that comes after the deadline. The Pub/Sub emulator
# refuses only the second acknowledgement of a message: a late one is taken, and the message does not come again.
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


def pull():
    _, answer = call("POST", "subscriptions/once:pull", {"maxMessages": 1, "returnImmediately": True})
    return [received["ackId"] for received in answer.get("receivedMessages", [])]


def acknowledge(ack_id):
    return call("POST", "subscriptions/once:acknowledge", {"ackIds": [ack_id]})


ready()
call("PUT", "topics/tasks", {})
body = {"topic": "projects/demo/topics/tasks", "ackDeadlineSeconds": 10, "enableExactlyOnceDelivery": True}
status, said = call("PUT", "subscriptions/once", body)
assert status == 200 and said["enableExactlyOnceDelivery"], said
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA=="}]})
[ack_id] = pull()
time.sleep(12)
late = acknowledge(ack_id)
again = pull()
time.sleep(11)
again += pull()
second = acknowledge(ack_id)
print("acknowledged 2 s after the deadline:", late)
print("deliveries after that:", len(again))
print("acknowledged a second time:", second[0], str(second[1])[:300])
assert late[0] == 200, "a late acknowledgement is refused"
assert not again, "it was taken without effect"
assert second[0] == 400, "a second acknowledgement is not refused"
PYTHON
echo "as described"
