#!/usr/bin/env bash
# A Pub/Sub push that reaches @cloud_event of functions-framework as it is pushed: the asyncio flavour refuses every one with
# 400, for it converts nothing. The synchronous one converts those that have data, and drops subscription, deliveryAttempt
# and orderingKey; a message of attributes alone, which Pub/Sub allows, is 400 there, too. So each comes again for ever.
# Seen with: functions-framework 3.10.2, cloudevents 1.12.0, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    functions-framework==3.10.2 gunicorn==27.0.1 uvicorn==0.54.0 uvicorn-worker==0.4.0 starlette==1.10.0 \
    cloudevents==1.12.0 httpx==0.28.1 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import asyncio, pathlib, sys, tempfile
from importlib.metadata import version

import functions_framework.aio
import httpx

SOURCE = """
import functions_framework, functions_framework.aio

@functions_framework.cloud_event
def sync(event):
    print("   given:", event.get_attributes(), event.get_data())
    seen.append(str(event.get_attributes()) + str(event.get_data()))

@functions_framework.aio.cloud_event
async def aio(event):
    seen.append(str(event))

seen = []
"""
MESSAGE = {"messageId": "1", "publishTime": "2026-11-01T00:00:00Z", "attributes": {"kind": "order"}, "orderingKey": "key-7"}


def push(message):
    return {"message": message, "subscription": "projects/demo/subscriptions/sub-7", "deliveryAttempt": 3}


async def post_aio(app, body):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://function") as client:
        return (await client.post("/", json=body)).status_code


print("functions-framework", version("functions-framework"))
with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, "main.py")
    source.write_text(SOURCE)
    sync_app = functions_framework.create_app("sync", str(source), "cloudevent")
    seen = sys.modules["main"].seen
    aio_app = functions_framework.aio.create_asgi_app("aio", str(source), "cloudevent")
    statuses = {}
    for name, message in {"with data": {**MESSAGE, "data": "eA=="}, "attributes alone": MESSAGE}.items():
        answered = sync_app.test_client().post("/", json=push(message)).status_code
        statuses[name] = {"sync": answered, "aio": asyncio.run(post_aio(aio_app, push(message)))}
        print(f"{name}: {statuses[name]}")
assert statuses["with data"] == {"sync": 200, "aio": 400}, "the two flavours treat a push in another way"
assert statuses["attributes alone"] == {"sync": 400, "aio": 400}, "a message without data is taken"
[given] = seen
assert "order" in given, "the attributes are lost, too"
for lost in ("sub-7", "deliveryAttempt", "key-7"):
    assert lost not in given, f"{lost} is not lost"
PYTHON
echo "as described"
