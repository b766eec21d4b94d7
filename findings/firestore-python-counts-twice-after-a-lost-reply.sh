#!/usr/bin/env bash
# When the connection is lost after a write was made and before its reply came, google-cloud-firestore sends the write again
# by itself. Increment(1) is counted twice, and nothing tells; create() raises AlreadyExists of the very document that it
# has made, as if somebody else had been first. With retry=None each is sent once, and raises ServiceUnavailable.
# Seen with: google-cloud-firestore 2.34.1, grpcio 1.85.3, Firestore emulator 1.19.9 (gcloud SDK 528.0.0), 2026-11.
set -euo pipefail

for tool in gcloud java python3; do
    command -v "$tool" >/dev/null ||
        { echo "needs gcloud with its cloud-firestore-emulator, Java and Python 3; $tool is missing" >&2; exit 2; }
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
jar=$sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar
[ -f "$jar" ] || { echo "this gcloud SDK has no cloud-firestore-emulator" >&2; exit 2; }
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check google-cloud-firestore==2.34.1 grpcio==1.85.3 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
emulator=(java -Duser.language=en -cp "$jar" com.google.cloud.datastore.emulator.firestore.CloudFirestore)
"${emulator[@]}" start --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "Firestore emulator of gcloud SDK $(cat "$sdk/VERSION")"

timeout -k 5 70 "$work/venv/bin/python" - "$port" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import contextlib, os, socket, sys, threading, time
from importlib.metadata import version

from google.api_core.exceptions import AlreadyExists, ServiceUnavailable
from google.cloud import firestore

PORT = int(sys.argv[1])
REPLY = 60  # bytes; what is shorter are acknowledgements and pings of HTTP/2
cut = threading.Event()  # the next reply is not passed on: its connection ends


def pump(source, target, replies):
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            if replies and cut.is_set() and len(received) > REPLY:
                cut.clear()
                break
            target.sendall(received)
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


def relay():
    while True:
        client, _ = listener.accept()
        emulator = socket.create_connection(("127.0.0.1", PORT), timeout=60)
        threading.Thread(target=pump, args=(client, emulator, False), daemon=True).start()
        threading.Thread(target=pump, args=(emulator, client, True), daemon=True).start()


def ready():
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=5):
            return
        time.sleep(0.1)
    sys.exit("the emulator did not start")


def lost(write, *arguments, **options):
    """Makes a write whose reply is lost; what it raises, if anything."""
    order.get()  # connects again after the last loss
    cut.set()
    try:
        write(*arguments, timeout=20, **options)
    except Exception as error:
        return error
    finally:
        assert not cut.is_set(), "no reply was lost"


ready()
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=relay, daemon=True).start()
os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{listener.getsockname()[1]}"
print("google-cloud-firestore", version("google-cloud-firestore"))
database = firestore.Client(project="demo")
order, more = database.document("orders/1"), {"refunds": firestore.Increment(1)}
found = {}
for name, options in {"by default": {}, "with retry=None": {"retry": None}}.items():
    order.get()
    order.set({"refunds": 0})
    raised = lost(order.update, more, **options)
    made = lost(database.collection("orders").document(name).create, {"refunds": 0}, **options)
    exists = database.collection("orders").document(name).get().exists
    found[name] = (order.get().get("refunds"), type(raised), type(made), exists)
    print(f"{name}: increment raised {raised!r}, refunds {found[name][0]}; create raised {made!r}, document there: {exists}")
assert found["by default"] == (2, type(None), AlreadyExists, True), "the write is not sent again"
assert found["with retry=None"] == (1, ServiceUnavailable, ServiceUnavailable, True), "it is sent again nevertheless"
PYTHON
echo "as described"
