#!/usr/bin/env bash
# What a function may return depends on its flavour: a list, bytes, or a third value for headers are answered 200 by the
# synchronous one and 500 by the asyncio one, after the function has done its work, so that a source sends the event again.
# A coroutine function inside a plain decorator is worse: its body never runs, and all that is said is 500. And a str has no
# content type at all, where the synchronous flavour says text/html.
# Seen with: functions-framework 3.10.2, starlette 1.10.0, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    functions-framework==3.10.2 gunicorn==27.0.1 uvicorn==0.54.0 uvicorn-worker==0.4.0 starlette==1.10.0 \
    cloudevents==1.12.0 httpx==0.28.1 ||
    { echo "the packages could not be installed" >&2; exit 2; }

timeout -k 5 60 "$work/venv/bin/python" - 2>"$work/log" <<'PYTHON' ||
import asyncio, pathlib, sys, tempfile
from importlib.metadata import version

import functions_framework.aio
import httpx

SOURCE = """
import functools
import functions_framework, functions_framework.aio

def timed(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper

@functions_framework.http
def sync(request):
    ran.append("sync")
    return answers[0]

@functions_framework.aio.http
async def aio(request):
    ran.append("aio")
    return answers[0]

@functions_framework.aio.http
@timed
async def decorated(request):
    ran.append("decorated")
    return answers[0]

ran, answers = [], [None]
"""
SAME = ({"order": 1}, ({"order": 1}, 201), ("made", 201))
OTHER = ([1, 2], b"bytes", ("text", 200, {"x-order": "1"}), ("text", {"x-order": "1"}), ([1, 2], 200))


async def post(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://function") as client:
        answer = await client.post("/")
        return answer.status_code, answer.headers.get("content-type")


print("functions-framework", version("functions-framework"))
with tempfile.TemporaryDirectory() as folder:
    source = pathlib.Path(folder, "main.py")
    source.write_text(SOURCE)

    def ask(name, returned):
        """Status, content type, and what ran."""
        if name == "sync":
            app = functions_framework.create_app(name, str(source), "http")
            sys.modules["main"].answers[0] = returned
            answer = app.test_client().post("/")
            told = answer.status_code, answer.headers.get("content-type")
        else:
            app = functions_framework.aio.create_asgi_app(name, str(source), "http")
            sys.modules["main"].answers[0] = returned
            told = asyncio.run(post(app))
        return *told, sys.modules["main"].ran

    for returned in (*SAME, *OTHER):
        sync, aio = ask("sync", returned), ask("aio", returned)
        print(f"{returned!r}: sync {sync}, aio {aio}")
        assert sync[0] < 300 and sync[2] == ["sync"] and aio[2] == ["aio"], "a function does not run"
        assert (aio[0] == sync[0]) if returned in SAME else (aio[0] == 500), "the flavours differ in another way"
    types = {name: ask(name, "<b>text</b>")[1] for name in ("sync", "aio")}
    print("content type of a str:", types)
    assert types == {"sync": "text/html; charset=utf-8", "aio": None}, "a str has another content type"
    decorated = ask("decorated", "text")
    print("decorated:", decorated)
    assert decorated[0] == 500 and not decorated[2], "a decorated coroutine function runs"
PYTHON
    { cat "$work/log" >&2; echo "not as described" >&2; exit 1; }
echo "as described"
