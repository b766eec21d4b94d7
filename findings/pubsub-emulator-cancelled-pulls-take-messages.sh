#!/usr/bin/env bash
# The Pub/Sub emulator goes on with a pull that its client has cancelled: it takes what comes next, and that is seen again
# only after its own deadline. A cancelled StreamingPull takes everything that comes. What takes nothing: a unary pull that
# runs into its deadline (it is answered, empty, a second early), and a stream that is half-closed, which ends at once.
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
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
java -jar "${jars[0]}" --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "${jars[0]##*/}, gcloud SDK $(cat "$sdk/VERSION")"

PUBSUB_EMULATOR_HOST=127.0.0.1:$port timeout -k 5 70 "$work/venv/bin/python" - <<'PYTHON' ||
import os, time

import grpc
from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

HOST = os.environ["PUBSUB_EMULATOR_HOST"]
WAITING, MESSAGES, SHORT_S, LONG_S = 5, 20, 2.0, 30.0


def channel():
    return grpc.insecure_channel(HOST)


publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel()))
subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel()))


def stub(on, method, request, response):
    how = {"request_serializer": request.pb().SerializeToString, "response_deserializer": response.pb().FromString}
    kind = on.stream_stream if "Streaming" in method else on.unary_unary
    return kind(f"/google.pubsub.v1.Subscriber/{method}", **how)


def pulls(on, path, timeout_s):
    call = stub(on, "Pull", types.PullRequest, types.PullResponse)
    return [call.future(types.PullRequest.pb()(subscription=path, max_messages=3), timeout=timeout_s) for _ in range(WAITING)]


def cancelled(path):
    for call in pulls(channel(), path, LONG_S):
        time.sleep(0.1)
        call.cancel()


def run_out(path):
    began = time.monotonic()
    for call in pulls(channel(), path, SHORT_S):
        assert not call.result().received_messages  # no error
    assert time.monotonic() - began < SHORT_S - 0.5, "a pull waits until its deadline"


class Requests:
    """The requests of one stream: the first, and after `end` no more."""

    def __init__(self, path):
        fields = {"subscription": path, "stream_ack_deadline_seconds": 60, "max_outstanding_messages": 3}
        self.left, self.has_ended = [types.StreamingPullRequest.pb()(**fields)], False

    def __iter__(self):
        return self

    def __next__(self):
        if self.left:
            return self.left.pop()
        while not self.has_ended:
            time.sleep(0.02)
        raise StopIteration


def streams(path):
    requests = [Requests(path) for _ in range(WAITING)]
    call = stub(channel(), "StreamingPull", types.StreamingPullRequest, types.StreamingPullResponse)
    return requests, [call(each, timeout=LONG_S) for each in requests]


def stream_cancelled(path):
    requests, calls = streams(path)
    time.sleep(1)
    for each, call in zip(requests, calls):
        call.cancel()
        each.has_ended = True


def stream_half_closed(path):
    requests, calls = streams(path)
    time.sleep(1)
    for each, call in zip(requests, calls):
        each.has_ended = True
        assert list(call) == [], "the stream does not end"


def come(path):
    """How many messages come before any deadline."""
    found, until = 0, time.monotonic() + 3
    while found < MESSAGES and time.monotonic() < until:
        found += len(subscriber.pull(subscription=path, max_messages=100, return_immediately=True).received_messages)
        time.sleep(0.05)
    return found


for _ in range(300):
    try:
        publisher.create_topic(name="projects/demo/topics/ready", timeout=5)
        break
    except (ServiceUnavailable, DeadlineExceeded):
        time.sleep(0.1)
came = {}
for way in (cancelled, stream_cancelled, run_out, stream_half_closed):
    name = way.__name__
    topic = publisher.create_topic(name=f"projects/demo/topics/{name}").name
    path = f"projects/demo/subscriptions/{name}"
    subscriber.create_subscription(name=path, topic=topic, ack_deadline_seconds=60)
    way(path)
    time.sleep(0.5)
    for n in range(MESSAGES):
        publisher.publish(topic=topic, messages=[{"data": b"%d" % n}])
        time.sleep(0.06)
    came[name] = come(path)
print(f"of {MESSAGES} messages, after {WAITING} pulls ended in one of these ways, there came:", came)
assert came["run_out"] == came["stream_half_closed"] == MESSAGES, "there is no way that loses nothing"
assert came["cancelled"] <= MESSAGES - WAITING, "a cancelled pull takes nothing"
assert came["stream_cancelled"] <= MESSAGES - WAITING, "a cancelled stream takes nothing"
PYTHON
    { echo "not as described" >&2; exit 1; }
echo "as described"
