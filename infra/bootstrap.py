"""`python -m infra.bootstrap ENV`: what must be there before Terraform can work, and the account that the pipeline is.

The bill, with `--billing-account`; APIs, Google's agents, the bucket of the state, the repository of images and the
account that builds them, the account `deploy` with the roles that the resources take, the secrets that are only to be
random; with `--repository` the pipeline's two triggers. All of it may be said again: what is there stays.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from infra import asked
from infra.asked import Command, account
from infra.environment import DeployError, Environment, environment
from infra.finding import ask
from infra.preconditions import FIRST_APIS, HASHES, LOCK
from infra.programs import ProgramError, run
from infra.release import REPOSITORY, builder

AGENTS = ("pubsub", "eventarc", "iap")
# Of Google's predefined roles (cloud.google.com/iam/docs/roles-permissions) the narrowest that may do it, with the
# resources that take it. On the project, which holds nothing else: one environment, one project.
ROLES = {
    "roles/artifactregistry.admin": ("google_artifact_registry_repository",),
    "roles/cloudbuild.builds.editor": (),  # to have images built
    "roles/cloudfunctions.admin": ("google_cloudfunctions2_function",),
    "roles/cloudscheduler.admin": ("google_cloud_scheduler_job",),
    "roles/datastore.owner": ("google_firestore_",),  # and the documents that the smoke test reads
    "roles/firebaserules.admin": ("google_firebaserules_",),
    "roles/iam.roleAdmin": ("google_project_iam_custom_role",),
    "roles/iam.serviceAccountAdmin": ("google_service_account",),
    "roles/iam.serviceAccountUser": (),  # to say as whom functions run and are called
    "roles/iap.admin": ("google_iap_",),
    "roles/logging.configWriter": ("google_logging_metric",),
    "roles/logging.logWriter": (),  # the pipeline's own log
    "roles/logging.viewer": (),  # whether a new revision fails requests
    "roles/monitoring.editor": ("google_monitoring_",),
    "roles/pubsub.admin": ("google_pubsub_",),
    "roles/resourcemanager.projectIamAdmin": ("google_project_iam_member", "google_project_iam_audit_config"),
    "roles/run.admin": ("google_cloud_run_v2_service",),
    "roles/secretmanager.admin": ("google_secret_manager_",),  # and the canary's secret
    "roles/serviceusage.serviceUsageAdmin": ("google_project_service",),
    "roles/storage.admin": ("google_storage_",),  # and the state
}
# Plans lie in the bucket of the state, and hold what it holds; so do the sources of images, until they are built.
OLD = {"age": 30, "matchesPrefix": ["plans/", "builds/"]}
LIFECYCLE = json.dumps({"rule": [{"action": {"type": "Delete"}, "condition": OLD}]})
# Cloud Run keeps a copy of what serves (cloud.google.com/run/docs/deploying); of the rest the newest are to go back to.
KEPT = {"name": "keep-newest", "action": {"type": "Keep"}, "mostRecentVersions": {"keepCount": 10}}
CLEANUP = json.dumps([KEPT, {"name": "delete-old", "action": {"type": "Delete"}, "condition": {"olderThan": "90d"}}])


def main() -> int:
    """Say and run every command; exit status 0 only if all went through."""
    parser = argparse.ArgumentParser(prog="python -m infra.bootstrap", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="of terraform/<ENV>.tfvars")
    parser.add_argument("--billing-account", metavar="ID", help="that pays, where none does yet")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="whose pushes to main the pipeline runs on")
    options = parser.parse_args()
    try:
        target = environment(options.environment)
        with TemporaryDirectory() as folder:
            rules, cleanup = Path(folder, "lifecycle.json"), Path(folder, "cleanup.json")
            rules.write_text(LIFECYCLE)
            cleanup.write_text(CLEANUP)
            for command in chain(
                _bill(target, options.billing_account),
                commands(target, rules, asked.key(target)),
                images(target, cleanup, asked.key(target)),
                asked.roles(target),
            ):
                run("gcloud", *command)
        for name, command in asked.random_secrets(target):
            print(f"secret {name}: a random one")
            run("gcloud", *command, stdin=token_hex(32))
        for command in chain(_triggers(target, options.repository), asked.budget(target)):
            run("gcloud", *command)
    except (DeployError, ProgramError) as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    if not HASHES.is_file():
        print(f"once, where Terraform is, for no build to take other providers:\n  {LOCK}")
    return 0


def _bill(target: Environment, account: str | None) -> Iterator[Command]:
    """Yield what has somebody pay for the project: most APIs are not enabled before."""
    paid = ("billing", "projects", "describe", target.project, "--format=value(billingEnabled)")
    if account and ask("gcloud", *paid) != "True":
        yield ("billing", "projects", "link", target.project, f"--billing-account={account}")


def commands(target: Environment, rules: Path, key: str | None) -> Iterator[Command]:
    """Yield what gcloud has to do for a project, in its order; what can be made only once is looked for first."""
    project, bucket = f"--project={target.project}", f"gs://{target.state_bucket}"
    yield ("services", "enable", *(f"{api}.googleapis.com" for api in (*FIRST_APIS, "iap")), project)
    for agent in AGENTS:
        yield ("beta", "services", "identity", "create", f"--service={agent}.googleapis.com", project)
    yield from asked.key_agents(target, key)
    closed = ("--uniform-bucket-level-access", "--public-access-prevention")
    if not ask("gcloud", "storage", "buckets", "describe", bucket, "--format=value(name)"):
        yield ("storage", "buckets", "create", bucket, project, f"--location={target.region}", *closed)
    encrypted = [f"--default-encryption-key={key}"] if key else []
    yield ("storage", "buckets", "update", bucket, "--versioning", f"--lifecycle-file={rules}", *encrypted)
    if not ask("gcloud", "iam", "service-accounts", "describe", account(target), project, "--format=value(email)"):
        yield ("iam", "service-accounts", "create", "deploy", project, "--display-name=Applies terraform/")
    for role in ROLES:
        yield asked.grant(target, account(target), role)


def images(target: Environment, cleanup: Path, key: str | None) -> Iterator[Command]:
    """Yield what makes the repository of the services' images, and the account that writes there and does no more."""
    project, place = f"--project={target.project}", f"--location={target.region}"
    there = ("artifacts", "repositories", "describe", REPOSITORY, project, place, "--format=value(name)")
    if not ask("gcloud", *there):
        kind = ("--repository-format=docker", "--immutable-tags", *([f"--kms-key={key}"] if key else []))
        yield ("artifacts", "repositories", "create", REPOSITORY, project, place, *kind)
    policy = (f"--policy={cleanup}", "--no-dry-run")
    yield ("artifacts", "repositories", "set-cleanup-policies", REPOSITORY, project, place, *policy)
    name, who = builder(target).partition("@")[0], f"--member=serviceAccount:{builder(target)}"
    if not ask("gcloud", "iam", "service-accounts", "describe", builder(target), project, "--format=value(email)"):
        yield ("iam", "service-accounts", "create", name, project, "--display-name=Builds images of services")
    writes = (who, "--role=roles/artifactregistry.writer", "--format=none")
    yield ("artifacts", "repositories", "add-iam-policy-binding", REPOSITORY, project, place, *writes)
    yield asked.grant(target, builder(target), "roles/logging.logWriter")
    # What it is to build, and nothing else of the bucket: the state is there, too.
    builds = f'resource.name.startsWith("projects/_/buckets/{target.state_bucket}/objects/builds/")'
    yield (
        *("storage", "buckets", "add-iam-policy-binding", f"gs://{target.state_bucket}", who),
        *("--role=roles/storage.objectViewer", f"--condition=title=builds,expression={builds}", "--format=none"),
    )


def _triggers(target: Environment, repository: str | None) -> Iterator[Command]:
    """Yield the two triggers of infra/cloudbuild.yaml: one plans, the other waits for a person and applies."""
    if not repository:
        return
    owner, _, name = repository.partition("/")
    project = f"--project={target.project}"
    there = (ask("gcloud", "builds", "triggers", "list", project, "--format=value(name)") or "").split()
    for phase, approval in (("plan", ()), ("apply", ("--require-approval",))):
        if phase not in there:
            yield (
                *("builds", "triggers", "create", "github", f"--name={phase}", project, *approval),
                *(f"--repo-owner={owner}", f"--repo-name={name}", "--branch-pattern=^main$"),
                *("--build-config=infra/cloudbuild.yaml", f"--substitutions=_ENV={target.name},_PHASE={phase}"),
                f"--service-account=projects/{target.project}/serviceAccounts/{account(target)}",
            )


if __name__ == "__main__":
    sys.exit(main())
