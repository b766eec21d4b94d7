#!/usr/bin/env bash
# A dead-letter policy on a subscription of the Pub/Sub emulator that keeps order loses what it should keep: after its last
# attempt a message is delivered no more, and it never comes to the dead-letter topic. Without ordering it does.
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

PORT, WAIT_S = int(sys.argv[1]), 30


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


def pull(name):
    _, answer = call("POST", f"subscriptions/{name}:pull", {"maxMessages": 1, "returnImmediately": True})
    return answer.get("receivedMessages", [])


ready()
call("PUT", "topics/tasks", {})
for name in ("ordered", "unordered"):
    call("PUT", f"topics/letters-{name}", {})
    policy = {"deadLetterTopic": f"projects/demo/topics/letters-{name}", "maxDeliveryAttempts": 5}
    body = {"topic": "projects/demo/topics/tasks", "ackDeadlineSeconds": 10, "deadLetterPolicy": policy}
    status, said = call("PUT", f"subscriptions/{name}", {**body, "enableMessageOrdering": name == "ordered"})
    assert status == 200, said
    assert call("PUT", f"subscriptions/letters-{name}", {"topic": policy["deadLetterTopic"]})[0] == 200
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA==", "orderingKey": "k"}]})
attempts, letters = {"ordered": [], "unordered": []}, {"ordered": 0, "unordered": 0}
until = time.monotonic() + WAIT_S
while time.monotonic() < until:
    for name in attempts:
        for received in pull(name):
            attempts[name].append(received["deliveryAttempt"])
            refusal = {"ackIds": [received["ackId"]], "ackDeadlineSeconds": 0}
            assert call("POST", f"subscriptions/{name}:modifyAckDeadline", refusal)[0] == 200
        for letter in pull(f"letters-{name}"):
            letters[name] += 1
            call("POST", f"subscriptions/letters-{name}:acknowledge", {"ackIds": [letter["ackId"]]})
    time.sleep(0.1)
print("attempts, each refused:", attempts)
print(f"dead letters within {WAIT_S} s:", letters)
assert attempts == {"ordered": [1, 2, 3, 4, 5], "unordered": [1, 2, 3, 4, 5]}, "attempts are counted in another way"
assert letters == {"ordered": 0, "unordered": 1}, "ordering makes no difference to dead letters"
PYTHON
echo "as described"
