"""From an empty project to `make deploy`, as terraform/README.md says: typed against a gcloud that begins with nothing.

`make bootstrap` and `make doctor` are the real ones; after what the page says to type the doctor misses nothing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.asked import RANDOM
from infra.environment import CANARY

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "terraform/README.md").read_text()
SECRETS = [CANARY, RANDOM, "SHOP_API_KEY"]
WANTED = {"secrets": SECRETS, "sources": ["canary"], "console": False, "canary": None, "key": None}
# What `describe` and `list` find is what was created before.
GCLOUD = """#!{python} -IS
import json, sys
from pathlib import Path
folder, words = Path({folder!r}), sys.argv[1:]
said, names = " ".join(words), [word for word in words if not word.startswith("-")]
made = set((folder / "made").read_text().splitlines()) if (folder / "made").exists() else set()
def make(what):
    made.add(what)
    (folder / "made").write_text("\\n".join(sorted(made)))
def find(what, answer):
    print(answer) if what in made else sys.exit(1)
(folder / "typed").open("a").write("gcloud " + said + "\\n")
if names[:2] == ["auth", "login"]:
    make("login")
    if "--update-adc" in words:
        make("credentials")
elif names[:2] == ["auth", "list"]:
    find("login", "user@example.com")
elif names[:2] == ["auth", "application-default"]:
    find("credentials", "token")
elif "login" not in made:
    sys.exit("nobody is logged in")
elif names[:2] == ["projects", "create"]:
    make("project " + names[2])
elif names[:2] == ["projects", "describe"]:
    find("project " + names[2], "ACTIVE")
elif "project switchyard-dev" not in made:
    sys.exit("there is no project")
elif names[:3] == ["billing", "projects", "link"]:
    make("paid")
elif names[:2] == ["billing", "projects"]:
    find("paid", "True")
elif "paid" not in made:
    sys.exit("nobody pays")
elif names[:2] == ["services", "enable"]:
    for api in names[2:]:
        made.add(api)
    make("enabled")
elif names[:2] == ["services", "list"]:
    print("\\n".join(made))
elif names[:3] == ["secrets", "versions", "list"]:
    find("secrets " + names[3], "1")
elif "create" in names and names[0] != "beta":
    if names[0] == "secrets" and not sys.stdin.read():
        sys.exit("an empty secret")
    at = names.index("create")
    name = names[at + 1] + ("@switchyard-dev.iam.gserviceaccount.com" if "service-accounts" in names else "")
    make(" ".join([*names[:at], name]))
elif "describe" in names:
    at = names.index("describe")
    find(" ".join([*names[:at], *names[at + 1:]]), names[-1])
"""
TERRAFORM = """#!{python} -IS
import json, sys
from pathlib import Path
there = Path({folder!r}) / "made"
said = " ".join(sys.argv[1:])
if said.startswith("version"):
    print(json.dumps({{"terraform_version": "1.11.4"}}))
elif " init " in said:
    bucket = said.partition("bucket=")[2]
    sys.exit(0 if there.exists() and "storage buckets gs://" + bucket in there.read_text().splitlines() else 1)
elif " console " in said:
    print(json.dumps(json.dumps({wanted!r})))
"""
MAKE = """#!/bin/sh
set -e
echo "make $*" >> {folder}/typed
target=$1; shift
for word in "$@"; do export "$word"; done
case $target in
  bootstrap) {python} -m infra.bootstrap $ENV $ARGS ;;
  deploy) {python} -m infra.doctor $ENV deploy ;;
esac
"""


def blocks() -> list[str]:
    """Return what the page says to type on the way to the first task, block by block."""
    way = README.partition("## From an empty project")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", way, re.DOTALL)


@pytest.fixture
def typed(tmp_path: Path) -> list[str]:
    """Type the first block on a machine with nothing but the repository; what was typed, or called by it."""
    here = tmp_path / "repository"
    shutil.copytree(ROOT / "infra", here / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    (here / "terraform").mkdir()
    for name in ("dev.tfvars", "versions.tf"):
        shutil.copy(ROOT / "terraform" / name, here / "terraform")
    (tmp_path / "bin").mkdir()
    given = {"python": sys.executable, "folder": str(tmp_path), "wanted": WANTED | {"location": "europe-west1"}}
    for name, text in {"gcloud": GCLOUD, "terraform": TERRAFORM, "make": MAKE}.items():
        (tmp_path / "bin" / name).write_text(text.format(**given))
        (tmp_path / "bin" / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", blocks()[0]],
        cwd=here,
        env={"PATH": f"{tmp_path}/bin", "PYTHONPATH": str(here), "SHOP_KEY": "s", "BILLING_ACCOUNT": "0-1-2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "nothing is missing"
    assert "providers lock -platform=linux_amd64 -platform=darwin_arm64" in done.stdout
    return (tmp_path / "typed").read_text().splitlines()


def commands(block: str) -> list[str]:
    """Return the lines of a block that somebody has to type, without what continues one."""
    lines = block.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def test_what_the_page_says_to_type_leaves_nothing_missing(typed: list[str]) -> None:
    assert [call for call in typed if call.startswith("make ")] == [
        "make bootstrap ENV=dev ARGS=--billing-account=0-1-2",
        "make deploy ENV=dev",
    ]


def test_the_way_to_the_first_task_is_as_short_as_the_page_says() -> None:
    deploy, first = blocks()[0], next(block for block in blocks() if "Stripe-Signature" in block)
    [settings, *typed] = commands(deploy)
    assert settings.startswith("export ")
    assert [command.split()[0] for command in typed] == ["gcloud", "gcloud", "make", "printf", "make"]
    assert len(commands(first)) == 6
    said = f"{len(typed)} commands to a deployment, {len(commands(first))} lines to the first task"
    assert said in " ".join(README.split())
