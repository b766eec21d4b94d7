"""A copy of terraform/ to run Terraform in, on mocks of its providers: no cloud, no credentials, no state."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
TERRAFORM = ROOT / "terraform"
VARIABLES = sorted(TERRAFORM.glob("variables*.tf"))
# Beside the project there may be a runner with stub providers, for machines that reach no registry.
OFFLINE = ROOT.parent / "shared/terraform/offline-terraform/offline-terraform"
TIMEOUT_S = 600
# Terraform spends a third of its time on collecting garbage unless it may let some lie.
PATIENT = {"GOGC": "800", "GOMEMLIMIT": "1GiB"}
SERVICES = ("chat", "console", "intake")
REGISTRY = "europe-west1-docker.pkg.dev/p/services"
IMAGES = {name: f"{REGISTRY}/{name}@sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in SERVICES}

MOCKS = """
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
  mock_data "google_secret_manager_secret_version" {
    defaults = { version = "3" }
  }
  mock_data "google_secret_manager_secret" {
    defaults = {
      replication = [{ user_managed = [], auto = [{ customer_managed_encryption = [{ kms_key_name = "k" }] }] }]
    }
  }
  mock_resource "google_service_account" {
    defaults = {
      name   = "projects/p/serviceAccounts/somebody@p.iam.gserviceaccount.com"
      email  = "somebody@p.iam.gserviceaccount.com"
      member = "serviceAccount:somebody@p.iam.gserviceaccount.com"
    }
  }
}
mock_provider "time" {}
"""


def variables() -> str:
    """Return what the root module declares of its variables, of all their files."""
    return "\n".join(path.read_text() for path in VARIABLES)


def runner() -> str:
    """Return what runs Terraform: what `TERRAFORM` names, else the offline runner where it is, else terraform."""
    return os.environ.get("TERRAFORM") or (str(OFFLINE) if os.access(OFFLINE, os.X_OK) else "terraform")


class Unusable(Exception):
    """Raised when Terraform cannot be run here, or cannot get its providers; one line says why."""


@dataclass(frozen=True)
class Change:
    """One resource in a plan: `after` holds what is known of it, None where it is destroyed."""

    address: str
    type: str
    action: str  # "create" | "delete" | "update" | "delete,create" | "no-op"
    after: dict[str, Any] | None


@dataclass(frozen=True)
class Workspace:
    """The copy, initialised; each test file begins with `mocks`."""

    folder: Path
    mocks: str

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """Copy terraform/ into `folder`, with an empty bundle for each function, images to name, and initialise it.

        Raises:
            Unusable: there is no Terraform, or no way to its providers.
        """
        shutil.copytree(TERRAFORM, folder / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        (folder / "dist").mkdir()
        for function in json.loads((TERRAFORM / "manifest.json").read_text())["functions"]:
            (folder / f"dist/{function}.zip").write_bytes(function.encode())
        (folder / "terraform/images.auto.tfvars.json").write_text(json.dumps({"images": IMAGES}))
        workspace = cls(folder / "terraform", MOCKS)
        workspace._init()
        return workspace

    @classmethod
    def of_variables(cls, folder: Path) -> Workspace:
        """Put nothing but the variables, and the locals that their rules need, into `folder`, and initialise it.

        A value is refused here as it is there, and no provider has to start for each of them.

        Raises:
            Unusable: there is no Terraform.
        """
        (folder / "tests").mkdir()
        for path in (*VARIABLES, TERRAFORM / "manifest.json"):
            shutil.copy(path, folder)
        known = _locals()
        needed, found = set(_LOCAL.findall(variables())), dict[str, str]()
        while needed:
            name = needed.pop()
            found[name] = known[name]
            needed |= set(_LOCAL.findall(known[name])) - found.keys()
        (folder / "locals.tf").write_text(f"locals {{\n{''.join(found.values())}}}\n")
        workspace = cls(folder, "")
        workspace._init()
        return workspace

    def _init(self) -> None:
        try:
            done = self.run("init", "-backend=false", "-input=false", "-no-color")
        except OSError as error:
            raise Unusable(f"{runner()} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            _, _, why = " ".join((done.stdout + done.stderr).split()).partition("Error: ")
            raise Unusable(f"{runner()} init failed; name another runner with TERRAFORM: {why[:160]}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform in the copy and return what it said."""
        return subprocess.run(
            [runner(), *arguments],
            cwd=self.folder,
            env=PATIENT | os.environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def test(self, files: Mapping[str, str], *arguments: str) -> list[dict[str, Any]]:
        """Run `terraform test` on files of these contents, by name, and return its messages."""
        names = [f"tests/{name}.tftest.hcl" for name in files]
        for path, content in zip(names, files.values(), strict=True):
            (self.folder / path).write_text(self.mocks + content)
        try:
            done = self.run("test", "-json", "-verbose", *(f"-filter={name}" for name in names), *arguments)
        finally:
            for path in names:
                (self.folder / path).unlink()
        return list(_messages(done.stdout))

    def changes(self, content: str, *arguments: str) -> list[Change]:
        """Return the plan of the last run in a test file."""
        return list(self.plans(content, *arguments).values())[-1]

    def plans(self, content: str, *arguments: str) -> dict[str, list[Change]]:
        """Return the plan of each run of a test file that only plans, by its name, in their order."""
        messages = self.test({"plan": content}, *arguments)
        plans = {m["@testrun"]: m["test_plan"] for m in messages if m["type"] == "test_plan"}
        assert plans, [m["diagnostic"]["detail"] for m in messages if m["type"] == "diagnostic"]
        return {name: _changes(plan) for name, plan in plans.items()}


_LOCAL = re.compile(r"\blocal\.(\w+)")


def _locals() -> dict[str, str]:
    """Return the definition of every local of the root module, by its name."""
    blocks = [b for f in TERRAFORM.glob("*.tf") for b in re.findall(r"(?ms)^locals \{\n(.*?)^\}", f.read_text())]
    return dict(d for b in blocks for d in re.findall(r"(?ms)^(?=  (\w+) +=)(.*?)(?=^  \w+ +=|^  #|\Z)", b))


def _changes(plan: dict[str, Any]) -> list[Change]:
    return [
        Change(c["address"], c["type"], ",".join(c["change"]["actions"]), c["change"].get("after"))
        for c in plan["resource_changes"]
        if c["mode"] == "managed"
    ]


def _messages(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
