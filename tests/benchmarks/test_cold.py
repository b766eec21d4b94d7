"""Cold starts: what is counted, what is refused, what is shown."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from infra.embedded.functions import load_apps
from infra.emulators.process import free_port
from infra.errors import StackError
from infra.manifest import build
from infra.reads import CHATS_SECRET
from infra.resources import Function
from shared.intent.registry import discover
from shared.wiring import composition
from tests.benchmarks import table
from tests.benchmarks.cold import ALONE, BESIDE, SECRET, Start, answered, first
from tests.benchmarks.programs import Program
from tests.benchmarks.rows import Cold
from tests.benchmarks.systems import COMPETITORS
from tests.world import ORDER_STATUS, World

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(int(sys.argv[2]))
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def start(tmp_path: Path, code: str, status: int) -> Start:
    port = free_port()
    program = Program([sys.executable, "-c", code, str(port), str(status)], tmp_path)
    return Start("tiny", [program], port, "POST", "/", {}, b"{}")


def test_a_start_is_counted_to_its_first_answer_and_ended(tmp_path: Path) -> None:
    tiny = start(tmp_path, SERVER, 204)
    assert answered(tiny, tmp_path / "log").seconds > 0
    assert answered(tiny, tmp_path / "log").seconds > 0  # its port is free again


@pytest.mark.parametrize(
    ("code", "said"), [(SERVER, "tiny answers 503"), ("raise SystemExit('no such module')", "no such module")]
)
def test_what_refuses_or_ends_is_no_start_and_says_why(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(StackError, match=said):
        answered(start(tmp_path, code, 503), tmp_path / "log")


FUNCTIONS = build(discover()).functions


@pytest.mark.parametrize("function", FUNCTIONS, ids=[f.name for f in FUNCTIONS])
async def test_every_function_answers_its_first_request(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHATS_SECRET, SECRET)
    method, path, headers, body = first(function, 1)
    composition.install(World(ORDER_STATUS[1]).ports)
    try:
        transport = httpx.ASGITransport(load_apps([function])[function.name])
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, path, headers=headers, content=body)
    finally:
        composition.install(None)
    assert answer.is_success, answer.text


def test_every_floor_has_a_target() -> None:
    text = (COMPETITORS / "framework_alone/main.py").read_text()
    assert all(f"async def {target}(" in text for target in ALONE)


def test_the_table_pairs_each_start_with_the_service_beside_round_by_round() -> None:
    found = {BESIDE: [Cold(1.0, 1.0), Cold(3.0, 2.0)], "intake": [Cold(0.5, 0.5), Cold(0.7, 0.6)]}
    console = Console(file=io.StringIO(), width=150)
    console.print(table.cold_starts(found, BESIDE))
    assert isinstance(console.file, io.StringIO)
    (line,) = (line for line in console.file.getvalue().splitlines() if "intake" in line)
    assert [cell.strip() for cell in line.split("│")[1:5]] == ["intake", "0.6", "0.55", "0.40 (0.30-0.50)"]
