#!/usr/bin/env bash
# On a pull subscription of the Pub/Sub emulator a message that was refused for the last time stays where it is until
# somebody pulls that subscription once more; the dead-letter subscription stays empty, however long one waits there.
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


def pull(name):
    _, answer = call("POST", f"subscriptions/{name}:pull", {"maxMessages": 1, "returnImmediately": True})
    return answer.get("receivedMessages", [])


def await_letter(seconds, meanwhile=lambda: None):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        meanwhile()
        if letters := pull("letters"):
            return letters
        time.sleep(0.2)
    return []


ready()
for name in ("tasks", "letters"):
    call("PUT", f"topics/{name}", {})
policy = {"deadLetterTopic": "projects/demo/topics/letters", "maxDeliveryAttempts": 5}
tasks = {"topic": "projects/demo/topics/tasks", "ackDeadlineSeconds": 10, "deadLetterPolicy": policy}
assert call("PUT", "subscriptions/tasks", tasks)[0] == 200
assert call("PUT", "subscriptions/letters", {"topic": "projects/demo/topics/letters"})[0] == 200
call("POST", "topics/tasks:publish", {"messages": [{"data": "eA=="}]})
attempts, until = [], time.monotonic() + 20
while len(attempts) < 5 and time.monotonic() < until:
    for received in pull("tasks"):
        attempts.append(received["deliveryAttempt"])
        refusal = {"ackIds": [received["ackId"]], "ackDeadlineSeconds": 0}
        assert call("POST", "subscriptions/tasks:modifyAckDeadline", refusal)[0] == 200
alone = await_letter(20)
pulled = await_letter(10, lambda: pull("tasks"))
print("attempts, each refused:", attempts)
print("dead letters within 20 s without a pull of the subscription:", len(alone))
print("dead letters once it is pulled:", [letter["message"]["attributes"] for letter in pulled])
assert attempts == [1, 2, 3, 4, 5], "attempts are counted in another way"
assert not alone, "the message moves by itself"
assert len(pulled) == 1, "a pull does not move it"
PYTHON
echo "as described"
