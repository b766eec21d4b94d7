#!/usr/bin/env bash
# An unwrapped push (noWrapper) of the Pub/Sub emulator is declared as application/x-www-form-urlencoded, whatever it holds:
# Flask, and so a synchronous function, refuses its JSON with 415, and the push comes again for ever. Only writeMetadata
# together with an attribute Content-Type in each message makes it application/json; neither alone does.
# Seen with: Pub/Sub emulator 0.8.20 (gcloud SDK 528.0.0), flask 3.1.3, 2026-11.
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
"$work/venv/bin/pip" install --quiet --disable-pip-version-check flask==3.1.3 ||
    { echo "the packages could not be installed" >&2; exit 2; }
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
java -jar "${jars[0]}" --host=127.0.0.1 --port="$port" >"$work/log" 2>&1 &
pid=$!
echo "${jars[0]##*/}, gcloud SDK $(cat "$sdk/VERSION")"

timeout -k 5 90 "$work/venv/bin/python" - "$port" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import base64, contextlib, http.client, json, logging, sys, threading, time

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

PORT = int(sys.argv[1])
app = flask.Flask("functions")
pushes = {}  # name of the subscription: what came of each push
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@app.post("/<name>")
def function(name):
    try:
        found, status = flask.request.get_json(), 204
    except HTTPException as error:
        found = status = error.code
    pushes.setdefault(name, []).append((flask.request.content_type, found))
    return "", status


def call(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    connection.request(method, "/v1/projects/demo/" + path, body and json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    return text


def ready():
    for _ in range(300):
        with contextlib.suppress(OSError):
            return call("GET", "topics")
        time.sleep(0.1)
    sys.exit("the emulator did not start")


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
ready()
JSON = {"Content-Type": "application/json"}
WAYS = {"bare": (False, {}), "attribute": (False, JSON), "metadata": (True, {}), "both": (True, JSON)}
for name, (metadata, attributes) in WAYS.items():
    call("PUT", f"topics/{name}", {})
    push = {"pushEndpoint": f"http://127.0.0.1:{server.port}/{name}", "noWrapper": {"writeMetadata": metadata}}
    call("PUT", f"subscriptions/{name}", {"topic": f"projects/demo/topics/{name}", "pushConfig": push})
    data = base64.b64encode(b'{"order": 1}').decode()
    call("POST", f"topics/{name}:publish", {"messages": [{"data": data, "attributes": attributes}]})
    until = time.monotonic() + 20
    while len(pushes.get(name, ())) < (1 if name == "both" else 2) and time.monotonic() < until:
        time.sleep(0.1)
    kind, got = pushes[name][0]
    print(f"writeMetadata {metadata}, attributes {attributes}: {kind}, {got}, seen {len(pushes[name])} times")
    if name == "both":
        assert (kind, got) == ("application/json", {"order": 1}), "it is no JSON either"
    else:
        assert (kind, got) == ("application/x-www-form-urlencoded", 415), "it is declared as something else"
        assert len(pushes[name]) > 1, "it does not come again"
PYTHON
echo "as described"
