"""Adding an intent is adding one folder: the copy of the project below gains one, and nothing else is edited."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INTENT = '''
"""Give a customer a discount on the next order."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.intent.declaration import NONE, Intent, ParametersModel, Provider
from shared.intent.provenance import FromPayload


class Parameters(ParametersModel):
    """Which code."""

    voucher: Annotated[str, Field(pattern=r"^[A-Z]{4}[0-9]{4}$", description="The voucher code"), FromPayload()]


INTENT = Intent(
    name="redeem_voucher",
    description="The customer wants a voucher code redeemed.",
    examples=(
        "Please redeem my voucher SAVE2024",
        "redeem voucher GIFT1000 for me",
        "I want to redeem the voucher code HELO1234",
        "voucher FREE0001, can you redeem it?",
    ),
    parameters=Parameters,
    idempotency=NONE,
    provider=Provider("shop", url="https://shop.example.com"),
)
'''

MAIN = '''
"""Redeem a voucher."""

from __future__ import annotations

from functions.execute.redeem_voucher.intent import Parameters
from shared.intent.handler import TaskContext


async def handle(params: Parameters, ctx: TaskContext) -> str:
    """Redeem it."""
    return f"redeemed {params.voucher} as {ctx.effect_key}"
'''

DRIVE = """
import asyncio

from infra.manifest import build
from shared.model.local import LocalClassifier
from shared.intent.registry import discover, load_handler
from tests import world as w


async def main() -> None:
    registry = discover()
    world = w.World(confidence_threshold=0.2)
    world.ports.__dict__["registry"] = registry
    world.ports.__dict__["classifier"] = LocalClassifier(registry)
    await world.classify(w.ticket("Please redeem my voucher SAVE2024"))
    [message] = world.publisher.on("intent-redeem-voucher")
    assert message["task_id"] == "t1"
    await world.execute("t1", load_handler("redeem_voucher"))
    record = await world.record("t1")
    assert record.state == "SUCCEEDED", record
    manifest = build(registry)
    assert manifest.function("execute-redeem-voucher").environment == {"INTENT": "redeem_voucher"}
    assert "intent-redeem-voucher" in manifest.topics
    print(record.result.output)


asyncio.run(main())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project without its environments."""
    for part in ("functions", "shared", "infra"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", ".venv*"))
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "scripted.py", "store.py", "world.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    return tmp_path


def add(project: Path, name: str) -> None:
    folder = project / "functions" / "execute" / name
    folder.mkdir()
    for file, text in (("intent.py", INTENT), ("main.py", MAIN)):
        (folder / file).write_text(text)


def run(project: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(project)},
    )


def test_folder_is_all_that_a_seventh_intent_takes(project: Path) -> None:
    add(project, "redeem_voucher")
    done = run(project, DRIVE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "redeemed SAVE2024 as t1.redeem_voucher.1"


def test_what_git_leaves_of_a_deleted_folder_is_no_intent(project: Path) -> None:
    (project / "functions" / "execute" / "redeem_voucher" / "__pycache__").mkdir(parents=True)
    done = run(project, "from shared.intent.registry import discover; print('redeem_voucher' in discover())")
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_two_folders_of_one_name_are_refused(project: Path) -> None:
    add(project, "redeem_voucher")
    other = project / "elsewhere" / "redeem_voucher"
    other.mkdir(parents=True)
    (other / "intent.py").write_text(INTENT)
    (other / "main.py").write_text(MAIN)
    code = f"import functions.execute as e; e.__path__.append({str(other.parent)!r})\n"
    done = run(project, code + "from shared.intent.registry import discover; discover()")
    assert "another folder already declares 'redeem_voucher'" in done.stderr.splitlines()[-1]
