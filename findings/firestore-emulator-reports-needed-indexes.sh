#!/usr/bin/env bash
# The Firestore emulator serves every query without any composite index, but it keeps a list of those that the cloud would
# have needed: GET /emulator/v1/projects/PROJECT:indexUsage?database=... tells them, and how many queries used each.
# Seen with: Firestore emulator 1.19.9 (gcloud SDK 528.0.0), 2026-11.
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
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
emulator=(java -Duser.language=en -cp "$jar" com.google.cloud.datastore.emulator.firestore.CloudFirestore)
"${emulator[@]}" start --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "Firestore emulator of gcloud SDK $(cat "$sdk/VERSION")"

timeout -k 5 70 python3 - "$port" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import contextlib, http.client, json, socket, sys, time

PORT = int(sys.argv[1])
DATABASE = "projects/demo/databases/(default)"


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


def query(where, order):
    compared = {"field": {"fieldPath": where}, "op": "EQUAL", "value": {"stringValue": "open"}}
    selected = {"from": [{"collectionId": "orders"}], "where": {"fieldFilter": compared}}
    if order:
        selected["orderBy"] = [{"field": {"fieldPath": order}, "direction": "DESCENDING"}]
    call("POST", f"/v1/{DATABASE}/documents:runQuery", {"structuredQuery": selected})


def usage():
    return call("GET", f"/emulator/v1/projects/demo:indexUsage?database={DATABASE}")


ready()
before = usage()
query("state", None)
simple = usage()
for _ in range(2):
    query("state", "created")
after = usage()
print("before any query:", before, "| after state == open:", simple)
print("after state == open, newest first, twice:", json.dumps(after))
fields = [[field.get("fieldPath") for field in report["index"]["fields"]] for report in after["reports"]]
counts = [int(report["numQueries"]) for report in after["reports"]]
assert not before.get("reports") and not simple.get("reports"), "an index is reported that the cloud makes by itself"
assert len(fields) == 1 and fields[0][:2] == ["state", "created"], "another index, or none, is reported"
assert counts == [2], "queries are not counted"
PYTHON
echo "as described"
