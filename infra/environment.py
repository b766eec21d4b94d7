"""One environment of the cloud: its project, its region, and where Terraform keeps what it knows of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import tfvars
from infra.errors import StackError
from infra.programs import ROOT

TERRAFORM = ROOT / "terraform"
CANARY = "CANARY_WEBHOOK_SECRET"  # the secret that signs what a deployment sends through itself
REGION = "europe-west1"  # where the variables name none: the default of terraform/variables.tf


class DeployError(Exception):
    """Raised when the deployment cannot go on; the message says what is or is not deployed."""


@dataclass(frozen=True)
class Environment:
    """One environment: its project and region, and the bucket that holds Terraform's state."""

    name: str
    project: str
    state_bucket: str
    region: str = REGION
    prefix: str = ""  # of all names, where it is a second copy in its project
    database: str = "(default)"  # that its functions use
    said: Mapping[str, Any] = field(default_factory=dict, repr=False)  # all variables that its file sets

    @property
    def plan(self) -> Path:
        """Where the plan is kept that a person agrees to."""
        return ROOT / "dist" / f"{self.name}.tfplan"

    @property
    def release(self) -> Path:
        """Where the variables are kept that name what is deployed: images, and what serves meanwhile."""
        return ROOT / "dist" / f"{self.name}.release.tfvars.json"

    @property
    def data_dir(self) -> Path:
        """Where Terraform remembers what it was initialised with: no environment finds another's state there."""
        return TERRAFORM / ".terraform" / self.name

    @property
    def variables(self) -> str:
        """The option that names this environment's variables."""
        return f"-var-file={self.name}.tfvars"

    @property
    def released(self) -> tuple[str, str]:
        """The options that name all of them: what to deploy, too."""
        return self.variables, f"-var-file={self.release}"

    def secret(self, variable: str) -> str:
        """Return how the secret is called that fills a variable."""
        return f"{self.prefix.upper().replace('-', '_')}{variable}"

    @property
    def place(self) -> tuple[str, str]:
        """The options of gcloud that name project and region."""
        return f"--project={self.project}", f"--region={self.region}"


def environment(name: str) -> Environment:
    """Return the environment whose variables are in `terraform/<name>.tfvars`.

    Raises:
        DeployError: there is no such file, it cannot be read, or it names no project.
    """
    path = TERRAFORM / f"{name}.tfvars"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in TERRAFORM.glob("*.tfvars")))
        raise DeployError(f"terraform/{name}.tfvars is missing; there are {known or 'none'}")
    try:
        said = tfvars.read(path)
    except StackError as error:
        raise DeployError(str(error)) from None
    project = said.get("project_id")
    if not project:
        raise DeployError(f'terraform/{name}.tfvars names no project: project_id = "..."')
    copy = said.get("prefix") or ""
    prefix = f"{copy}-" if copy else ""
    bucket = os.environ.get("STATE_BUCKET") or f"{project}-{prefix}tfstate"
    database = said.get("database") or copy or "(default)"
    return Environment(name, project, bucket, said.get("region") or REGION, prefix, database, said)
