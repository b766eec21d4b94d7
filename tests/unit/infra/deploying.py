"""A laptop to deploy from: stand-ins for make, gcloud and terraform on PATH record every call and answer as told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
INTAKE, NEXT = "https://intake.example.com", "https://next---intake.example.com"
BEFORE = {"intake-events": "a" * 64, "classify": "b" * 64, "sweep": "d" * 64, "execute-removed": "c" * 64}
PROGRAM = """#!{python} -IS
import json, os, sys
from pathlib import Path
folder = Path({folder!r})
said = " ".join([{name!r}, *sys.argv[1:]]).replace({root!r}, ".")
with (folder / "calls").open("a") as calls:
    calls.write(said + "\\n")
if said.startswith("make smoke"):
    asked = ("CANARY_WEBHOOK_SECRET", "GOOGLE_CLOUD_PROJECT", "IAP_SERVICE_ACCOUNT")
    (folder / "smoke").write_text("".join(os.environ.get(name, "") for name in asked))
if said.startswith("terraform"):
    (folder / "data_dirs").open("a").write(os.environ.get("TF_DATA_DIR", "none").replace({root!r}, ".") + "\\n")
answers = json.loads((folder / "answers").read_text())
for words, answer in answers.items():
    if said.startswith(words):
        first = answer.pop(0) if len(answer) > 1 else answer[0]
        (folder / "answers").write_text(json.dumps(answers))
        print(first or "", end="")
        sys.exit(1 if first is None else 0)
"""
INIT = "terraform -chdir=./terraform init -input=false -reconfigure -backend-config=bucket=example-dev-tfstate"
VARIABLES = "-var-file=dev.tfvars -var-file=./dist/dev.release.tfvars.json"
PLAN = f"terraform -chdir=./terraform plan -input=false -lock-timeout=10m {VARIABLES} -out=./dist/dev.tfplan"
OUTPUTS = "terraform -chdir=./terraform output -json"
SECRET = "gcloud secrets versions access latest --secret=CANARY_WEBHOOK_SECRET --project=example-dev"
APPLY = "terraform -chdir=./terraform apply -input=false -lock-timeout=10m ./dist/dev.tfplan"
SMOKE = f"make smoke BACKEND=gcp INTAKE={NEXT}"
SMOKE_PUBLIC = f"make smoke BACKEND=gcp INTAKE={INTAKE}"
PLACE = "--project=example-dev --region=europe-west1"
SERVICES = f"gcloud run services list {PLACE} --format=json"
LOGGED = 'gcloud logging read log_id("run.googleapis.com/requests") resource.labels.revision_name='
BACK = f"terraform -chdir=./terraform apply -input=false -auto-approve -lock-timeout=10m {VARIABLES} -var=bundles="
ROBOT = "deploy@example-dev.iam.gserviceaccount.com"
MAY_SIGN = f"gcloud auth print-access-token --impersonate-service-account={ROBOT}"
NOW = {"intake-events": "e" * 64, "classify": "e" * 64, "sweep": "d" * 64, "execute-new": "f" * 64}
OLD = {"console": "console-00001-a", "intake": "intake-00007-a"}
NEW = {"console": "console-00002-b", "intake": "intake-00008-b"}


def services(serving: dict[str, str], newest: dict[str, str], tags: tuple[str, ...] = ("next",)) -> str:
    """Return what gcloud lists: two services of ours, and one that is a function's."""
    function = {"metadata": {"name": "classify"}, "status": {"traffic": [{"revisionName": "c-1", "percent": 100}]}}
    listed: list[Any] = [function]
    for name, revision in serving.items():
        waiting = [{"revisionName": newest[name], "tag": t, "url": f"https://{t}---{name}.example.com"} for t in tags]
        status = {"traffic": [{"revisionName": revision, "percent": 100}, *waiting]}
        listed.append({"metadata": {"name": name}, "status": {"latestReadyRevisionName": newest[name], **status}})
    return json.dumps(listed)


def outputs(bundles: dict[str, str], canary: str | None = None) -> str:
    """Return what Terraform prints of its outputs."""
    urls = {"intake_url": INTAKE, "console_url": "https://console.example.com" if canary else None}
    found = {"bundles": bundles, "console_canary": canary, **urls}
    return json.dumps({name: {"value": value} for name, value in found.items()})


def moved(name: str, tag: str, percent: int) -> str:
    """Return how gcloud is told to move the traffic of a service."""
    keeps = f" --update-tags=last={OLD[name]}" if tag == "next" else ""
    return f"gcloud run services update-traffic {name} --to-tags={tag}={percent}{keeps} {PLACE} --format=none"


class Laptop:
    """A repository with the deployment in it. `answers` of a call are given in turn; the last stays; None fails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repository"
        (self.root / "terraform").mkdir(parents=True)
        (self.root / "terraform/dev.tfvars").write_text('project_id = "example-dev"\n')
        (self.root / "infra").mkdir()
        for name in (
            "__init__.py",
            "deploy.py",
            "environment.py",
            "errors.py",
            "programs.py",
            "tfvars.py",
            "traffic.py",
        ):
            shutil.copy(ROOT / "infra" / name, self.root / "infra" / name)
        functions = {name: {"target": name, "trigger": "http" if name in OLD else "push"} for name in (*NOW, *OLD)}
        (self.root / "terraform/manifest.json").write_text(json.dumps({"functions": functions}))
        (self.root / "dist").mkdir()
        (self.root / "dist/dev.release.tfvars.json").write_text(json.dumps({"images": {}, "serving": OLD}))
        self.answers: dict[str, Any] = {
            SECRET: ["0123456789abcdef"],
            # As the plan left it; then with the new revisions.
            SERVICES: [services(OLD, OLD), services(OLD, NEW, ("next", "last"))],
            OUTPUTS: [outputs(BEFORE), outputs(NOW)],
        }
        self.programs = folder / "bin"
        self.programs.mkdir()
        for name in ("make", "gcloud", "terraform"):
            path = self.programs / name
            path.write_text(PROGRAM.format(python=sys.executable, name=name, folder=str(folder), root=str(self.root)))
            path.chmod(0o755)

    def deploy(self, *arguments: str, typed: str = "", **env: str) -> tuple[int, str]:
        """Run it; return its exit status and what it said on standard error."""
        (self.folder / "answers").write_text(json.dumps(self.answers))
        ended = subprocess.run(
            [sys.executable, "-S", "-m", "infra.deploy", *arguments, "--watch-s=0"],
            cwd=self.folder,
            input=typed,
            capture_output=True,
            env={"PATH": str(self.programs), "PYTHONPATH": str(self.root), **env},
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stderr.strip()

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def smoke(self) -> str:
        return (self.folder / "smoke").read_text()
