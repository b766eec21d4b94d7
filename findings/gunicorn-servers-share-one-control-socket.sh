#!/usr/bin/env bash
# All gunicorn servers of a user, so all local functions of functions-framework, open their control socket at one path under
# the home folder. The last to start takes it over, and removes it when it ends: gunicornc then finds no server at all,
# though the first one still runs.
# Seen with: functions-framework 3.10.2, gunicorn 27.0.1, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    functions-framework==3.10.2 gunicorn==27.0.1 uvicorn==0.54.0 uvicorn-worker==0.4.0 starlette==1.10.0 \
    cloudevents==1.12.0 ||
    { echo "the packages could not be installed" >&2; exit 2; }
export no_proxy=127.0.0.1

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import os, pathlib, signal, socket, subprocess, sys, tempfile, time
from importlib.metadata import version

SOURCE = "import functions_framework\n\n@functions_framework.http\ndef answer(request):\n    return 'text'\n"


def start(folder, log):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(programs / "functions-framework"), "--target=answer", f"--source={folder}/main.py"]
    server = subprocess.Popen([*command, "--host=127.0.0.1", f"--port={port}"], env=env, stdout=log, stderr=log)
    servers.append(server)
    for _ in range(150):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except OSError:
            time.sleep(0.1)
    time.sleep(1)  # the control socket opens beside
    return server


def stop(server):
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)


def told():
    """Return what `gunicornc` learns of the server that it reaches."""
    command = [str(programs / "gunicornc"), "-j", "-c", "show stats"]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20)
    return ended.returncode, ended.stdout + ended.stderr


signal.signal(signal.SIGTERM, lambda *_: sys.exit("it took too long"))  # so that servers are stopped
print("functions-framework", version("functions-framework"), "gunicorn", version("gunicorn"))
programs, servers = pathlib.Path(sys.executable).parent, []
with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w") as log:
    pathlib.Path(folder, "main.py").write_text(SOURCE)
    env = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"} | {"HOME": folder}
    try:
        first = start(folder, log)
        alone = told()
        second = start(folder, log)
        both = told()
        stop(second)
        after = told()
        sockets = [str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*.ctl")]
        running = first.poll() is None
    finally:
        for server in servers:
            stop(server)
for name, (status, text) in {"first alone": alone, "both": both, "second ended": after}.items():
    print(f"{name}: gunicornc ends with {status}: {' '.join(text.split())[:160]}")
print("first and second were processes", first.pid, second.pid)
assert alone[0] == 0 and str(first.pid) in alone[1], "the first server is not reached"
assert both[0] == 0 and str(first.pid) not in both[1] and str(second.pid) in both[1], "the first keeps the socket"
assert running and after[0] != 0 and not sockets, "the first is still reached"
PYTHON
echo "as described"
