#!/usr/bin/env bash
# The Pub/Sub emulator counts how many messages come at once (1,000), but no other limit of a message holds: 101 attributes
# (100), a value of 2,000 bytes (1,024), a name that begins with goog, an ordering key of 2,000 bytes (1,024) are delivered.
# Transforms of a topic or a subscription, even such as are no JavaScript, are stored and never run: a message that one of
# them drops arrives. What first fails in the cloud passes every local test.
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
DATA = {"data": "eA=="}


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


def publish(topic, *messages):
    return call("POST", f"topics/{topic}:publish", {"messages": messages})[0]


def pull(name):
    return [part["message"] for part in call("POST", f"subscriptions/{name}:pull", {"maxMessages": 10})[1]["receivedMessages"]]


ready()
call("PUT", "topics/tasks", {})
call("PUT", "subscriptions/plain", {"topic": "projects/demo/topics/tasks"})
ODD = {
    "101 attributes": {"attributes": {f"name{number}": "value" for number in range(101)}},
    "a value of 2,000 bytes": {"attributes": {"name": "x" * 2000}},
    "a name that begins with goog": {"attributes": {"google": "value"}},
    "an ordering key of 2,000 bytes": {"orderingKey": "k" * 2000},
}
for name, message in ODD.items():
    status = publish("tasks", {**DATA, **message})
    [got] = pull("plain")
    whole = {key: got.get(key) for key in message} == message
    call("POST", "subscriptions/plain:seek", {"time": "2100-01-01T00:00:00Z"})
    print(f"{name}: {status}, delivered whole: {whole}")
    assert status == 200 and whole, "a limit holds"
status = publish("tasks", *[DATA] * 1001)
print(f"1,001 messages at once: {status}")
assert status == 400, "nothing at all is checked"

DROP = {"javascriptUdf": {"functionName": "drop", "code": "function drop(message, metadata) { return null; }"}}
BROKEN = {"javascriptUdf": {"functionName": "drop", "code": "this is (no JavaScript"}}
for name, transform in {"drops": DROP, "broken": BROKEN}.items():
    for place in ("topic", "subscription"):
        path, transforms = f"{place}-{name}", {"messageTransforms": [transform]}
        stored, _ = call("PUT", f"topics/{path}", transforms if place == "topic" else {})
        wanted = {"topic": f"projects/demo/topics/{path}", **(transforms if place == "subscription" else {})}
        kept, _ = call("PUT", f"subscriptions/{path}", wanted)
        publish(path, DATA)
        got = pull(path)
        print(f"a transform of a {place} that {name if name == 'drops' else 'is ' + name}: {stored}, {kept}, delivered {len(got)}")
        assert stored == kept == 200 and len(got) == 1, "transforms are run or refused"
PYTHON
echo "as described"
