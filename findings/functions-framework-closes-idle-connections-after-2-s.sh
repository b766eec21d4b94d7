#!/usr/bin/env bash
# functions-framework runs uvicorn under gunicorn for asyncio functions, and gunicorn's keep-alive of 2 s replaces uvicorn's
# 5 s. httpx keeps an idle connection for 5 s: a request sent 2 s after the last one can meet a closing connection and be
# lost, unless keepalive_expiry is shorter.
# Seen with: functions-framework 3.10.2, gunicorn 27.0.1, uvicorn 0.54.0, httpx 0.28.1, 2026-11.
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
import inspect, os, pathlib, signal, socket, subprocess, sys, tempfile, time
from importlib.metadata import version

import httpx
import uvicorn

SOURCE = """
import functions_framework.aio

@functions_framework.aio.http
async def answer(request):
    return "text"
"""


def idle_seconds(port):
    for _ in range(150):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=15)
            break
        except OSError:
            time.sleep(0.1)
    with connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: function\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\ntext"):
            received = connection.recv(4096)
            assert received, f"no whole answer: {answer}"
            answer += received
        began = time.monotonic()
        assert connection.recv(4096) == b"", "something else came"
        return time.monotonic() - began


signal.signal(signal.SIGTERM, lambda *_: sys.exit("it took too long"))  # so that servers are stopped
print("functions-framework", version("functions-framework"), "gunicorn", version("gunicorn"), "uvicorn", version("uvicorn"))
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
with tempfile.TemporaryDirectory() as folder:
    source, log = pathlib.Path(folder, "main.py"), pathlib.Path(folder, "log").open("w")
    source.write_text(SOURCE)
    command = [str(pathlib.Path(sys.executable).with_name("functions-framework")), "--target=answer", f"--source={source}"]
    server = subprocess.Popen(
        [*command, "--host=127.0.0.1", f"--port={port}"], env={**os.environ, "HOME": folder}, stdout=log, stderr=log
    )
    try:
        measured = idle_seconds(port)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)
alone = uvicorn.Config("x:y").timeout_keep_alive
client = inspect.signature(httpx.Limits).parameters["keepalive_expiry"].default
print(f"idle connection closed after {measured:.1f} s; uvicorn alone: {alone} s; httpx keeps one for {client} s")
assert 1.5 < measured < 3, "idle connections live longer, or shorter"
assert alone == 5 and client == 5.0, "the defaults of uvicorn or httpx are others"
PYTHON
echo "as described"
