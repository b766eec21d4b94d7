#!/usr/bin/env bash
# A subscriber that allows itself one message at a time (max_outstanding_messages=1, FlowControl(max_messages=1)) is sent all
# that wait by the Pub/Sub emulator: they lie in its queue, and a second subscriber beside it gets none and idles. How work
# spreads over several workers, and what is left when one dies, cannot be tried out on it.
# Seen with: Pub/Sub emulator 0.8.20 (gcloud SDK 528.0.0), google-cloud-pubsub 2.44.0, 2026-11.
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
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-cloud-pubsub==2.44.0 grpcio==1.85.3 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
java -jar "${jars[0]}" --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "${jars[0]##*/}, gcloud SDK $(cat "$sdk/VERSION")"

PUBSUB_EMULATOR_HOST=127.0.0.1:$port timeout -k 5 90 "$work/venv/bin/python" - "$port" <<'PYTHON' ||
import contextlib, socket, sys, threading, time
from importlib.metadata import version

from google.cloud import pubsub_v1

COUNT = 6


def ready():
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5):
            return
        time.sleep(0.1)
    sys.exit("the emulator did not start")


ready()
print("google-cloud-pubsub", version("google-cloud-pubsub"))
publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
topic = publisher.topic_path("demo", "tasks")
publisher.create_topic(name=topic, timeout=20)
stream, workers = (subscriber.subscription_path("demo", name) for name in ("stream", "workers"))
for name in (stream, workers):
    subscriber.create_subscription(name=name, topic=topic, ack_deadline_seconds=60, timeout=20)
for number in range(COUNT):
    publisher.publish(topic, str(number).encode()).result(20)

over = threading.Event()


def asked_for_one():
    yield pubsub_v1.types.StreamingPullRequest(
        subscription=stream, stream_ack_deadline_seconds=60, max_outstanding_messages=1
    )
    over.wait(20)


sent = []
for part in subscriber.streaming_pull(requests=asked_for_one(), timeout=20):
    sent += [received.message.data.decode() for received in part.received_messages]
    if len(sent) == COUNT:
        break
over.set()
print(f"a stream that allows 1 message unacknowledged is sent {sent}")
assert len(sent) == COUNT, "the emulator heeds the limit"

done = {"first": [], "second": []}
first_has_one = threading.Event()


def worker(name):
    def handle(message):
        done[name].append(message.data.decode())
        first_has_one.set()
        time.sleep(1)
        message.ack()

    client = pubsub_v1.SubscriberClient()
    return client.subscribe(workers, handle, flow_control=pubsub_v1.types.FlowControl(max_messages=1))


running = [worker("first")]
assert first_has_one.wait(20), "nothing is delivered"
running.append(worker("second"))
until = time.monotonic() + 30
while sum(map(len, done.values())) < COUNT and time.monotonic() < until:
    time.sleep(0.1)
for future in running:
    future.cancel()
print(f"of two subscribers with max_messages=1, messages of 1 s each: {done}")
assert len(done["first"]) == COUNT and not done["second"], "the second gets its share"
PYTHON
    { echo "not as described" >&2; exit 1; }
echo "as described"
