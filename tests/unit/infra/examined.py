"""A machine for the doctor to examine: stand-ins for gcloud and terraform on PATH answer what they are told to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from infra.preconditions import FIRST_APIS, PUBLIC

ROOT = Path(__file__).resolve().parents[3]
SECRETS = ["SHOP_API_KEY", "CANARY_WEBHOOK_SECRET", "PRIVACY_KEY"]
APIS = "\n".join(f"{api}.googleapis.com" for api in (*FIRST_APIS, "run"))
VARIABLES = {
    "secrets": SECRETS,
    "sources": ["canary"],
    "console": False,
    "canary": None,
    "key": None,
    "location": "europe-west1",
}
DATABASE = "gcloud firestore databases describe --database=(default) --project=example-dev"
POLICY = f"gcloud org-policies describe {PUBLIC} --project=example-dev --effective"
REPOSITORY = "gcloud artifacts repositories describe services --location=europe-west1 --project=example-dev"
BUILDER = "gcloud iam service-accounts describe build-services@example-dev.iam.gserviceaccount.com"
CONSOLE = "terraform -chdir=./terraform console -var-file=dev.tfvars"
# What each call answers where all is well: by the words it begins with.
WELL = {
    "gcloud auth list": "user@example.com",
    "gcloud auth application-default print-access-token": "token",
    "gcloud projects describe example-dev": "ACTIVE",
    "gcloud billing projects describe example-dev": "True",
    "gcloud services list --enabled --project=example-dev": APIS,
    "gcloud storage buckets describe gs://example-dev-tfstate": "example-dev-tfstate",
    "gcloud secrets versions list SHOP_API_KEY --project=example-dev": "1",
    "gcloud secrets versions list CANARY_WEBHOOK_SECRET --project=example-dev": "1",
    "gcloud secrets versions list PRIVACY_KEY --project=example-dev": "1",
    "terraform version -json": json.dumps({"terraform_version": "1.11.4"}, indent=2),
    CONSOLE: json.dumps(json.dumps(VARIABLES)),
    POLICY: json.dumps({"spec": {"rules": [{"enforce": False}]}}),
    REPOSITORY: "services",
    BUILDER: "build-services@example-dev.iam.gserviceaccount.com",
}
PROGRAM = """#!{python}
import json, sys
said = " ".join([{name!r}, *sys.argv[1:]]).replace({root!r}, ".")
for words, answer in json.load(open({answers!r})).items():
    if said.startswith(words):
        print(answer)
        sys.exit(0 if answer else 1)
sys.exit(1)
"""


class Machine:
    """A repository with the doctor in it, and programs that answer what they are told to."""

    def __init__(self, folder: Path) -> None:
        self.answers = dict(WELL)
        self.root = folder / "repository"
        shutil.copytree(ROOT / "infra", self.root / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        self.write("terraform/dev.tfvars", '# Which project.\nproject_id   = "example-dev"\n')
        self.write("terraform/.terraform.lock.hcl", "")
        self.write("terraform/versions.tf", (ROOT / "terraform/versions.tf").read_text())
        for stamp in (".venv/.run", ".venv/.dev", ".venv-classify/.classify"):
            self.write(stamp, "")
        self.programs = folder / "bin"
        self.programs.mkdir()
        self._answers = folder / "answers.json"
        for name in ("gcloud", "terraform"):
            path = self.programs / name
            answers = str(self._answers)
            path.write_text(
                PROGRAM.format(python=sys.executable, name=name, answers=answers, root=str(self.root.resolve()))
            )
            path.chmod(0o755)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def examine(self, *arguments: str) -> tuple[int, str]:
        """Run the doctor; return its exit status and what it said."""
        self._answers.write_text(json.dumps(self.answers))
        env = {"PATH": str(self.programs), "PYTHONPATH": str(self.root), "HOME": str(self.root)}
        ended = subprocess.run(
            [sys.executable, "-m", "infra.doctor", *arguments],
            env=env,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.stderr == ""
        return ended.returncode, ended.stdout
