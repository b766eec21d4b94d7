"""A process goes on as what it was when it started, whatever becomes of its files meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio
from pathlib import Path
from functions.console import api, page
from functions.intake import step

for path in Path("functions").rglob("*"):
    if path.suffix in (".html", ".css", ".js", ".json"):
        path.write_text("{{ of_another_version }}")
for name in page.environment().list_templates():
    page.environment().get_template(name)
error = {"code": "not_found", "message": "there is nothing here", "field": None}
assert "there is nothing here" in page.environment().get_template("error.html").render(error=error, status=404)
style = page.static(page.static_url("console.css"))
assert style.media_type == "text/css" and b":root" in style.body
for told in (api.DESCRIPTION, step.DESCRIPTION):
    assert b"openapi" in told
"""


def test_files_that_change_meanwhile_are_not_those_of_the_running_code(tmp_path: Path) -> None:
    for name in ("intake", "console"):
        shutil.copytree(ROOT / "functions" / name, tmp_path / "functions" / name)
    for path in (ROOT / "functions").glob("*.py"):
        shutil.copy(path, tmp_path / "functions")
    (tmp_path / "shared").symlink_to(ROOT / "shared")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
