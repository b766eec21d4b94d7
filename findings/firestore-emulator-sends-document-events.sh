#!/usr/bin/env bash
# gcloud's Firestore emulator sends document events by itself, without Firebase's tools, once it is started with
# --functions_emulator and a trigger is posted to /emulator/v1/...: binary CloudEvents as Eventarc's, author included. But
# the body, declared as application/protobuf, is base64 text, ce-source says "projects/" twice, and a write that changes
# nothing makes an event, too, with the old update time. Each is sent once: one that is answered 503 does not come again.
# Seen with: Firestore emulator 1.19.9 (gcloud SDK 528.0.0), google-events 0.14.0, 2026-11.
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
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    google-events==0.14.0 googleapis-common-protos==1.76.0 ||
    { echo "the packages could not be installed" >&2; exit 2; }
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
hooks=$(free_port)
emulator=(java -Duser.language=en -cp "$jar" com.google.cloud.datastore.emulator.firestore.CloudFirestore)
"${emulator[@]}" start --host=127.0.0.1 --port="$port" --functions_emulator="127.0.0.1:$hooks" >"$work/log" 2>&1 &
pid=$!
echo "Firestore emulator of gcloud SDK $(cat "$sdk/VERSION")"

timeout -k 5 70 "$work/venv/bin/python" - "$port" "$hooks" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import base64, contextlib, http.client, json, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.events.cloud.firestore_v1 import DocumentEventData

PORT, HOOKS = int(sys.argv[1]), int(sys.argv[2])
KIND = "google.cloud.firestore.document.v1.written.withAuthContext"
DOCUMENTS = "/v1/projects/demo/databases/(default)/documents"


def call(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    headers = {"content-type": "application/json", "authorization": "Bearer owner"}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    return json.loads(text)


def ready():
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), timeout=5):
            return
        time.sleep(0.1)
    sys.exit("the emulator did not start")


class Functions(BaseHTTPRequestHandler):
    seen, status = [], 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


server = ThreadingHTTPServer(("127.0.0.1", HOOKS), Functions)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
trigger = {"eventType": KIND, "database": "(default)", "document": {"value": "orders/{id}", "matchType": "PATH_PATTERN"}}
call("POST", "/emulator/v1/projects/demo/eventarcTrigger?eventarcTriggerId=changed", trigger)
versions = []
for state in ("open", "open", "paid"):
    written = call("PATCH", f"{DOCUMENTS}/orders/1", {"fields": {"state": {"stringValue": state}}})
    versions.append(written["updateTime"])
until = time.monotonic() + 20
while len(Functions.seen) < 3 and time.monotonic() < until:
    time.sleep(0.1)
states = []
for path, headers, body in Functions.seen:
    event = DocumentEventData.deserialize(base64.b64decode(body, validate=True))
    states.append(event.value.fields["state"].string_value)
    print(path, headers["ce-document"], headers["ce-authtype"], headers["ce-authid"], states[-1], event.value.update_time)
    assert headers["ce-type"] == KIND and headers["ce-authid"], "the event has no author"
    assert headers["content-type"] == "application/protobuf", "the body is declared as something else"
    assert "/projects/projects/demo/" in headers["ce-source"], "ce-source is right"
print("update times of the three writes:", versions)
Functions.status = 503
call("PATCH", f"{DOCUMENTS}/orders/1", {"fields": {"state": {"stringValue": "sent"}}})
while len(Functions.seen) < 4 and time.monotonic() < until:
    time.sleep(0.1)
time.sleep(5)
assert len(Functions.seen) == 4, "an event that was refused comes again"
assert sorted(states) == ["open", "open", "paid"], "not one event for each write"
assert versions[0] == versions[1] != versions[2], "a write that changes nothing makes a new update time"
PYTHON
echo "as described"
