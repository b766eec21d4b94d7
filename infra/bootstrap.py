"""`python -m infra.bootstrap ENV`: what must be there before Terraform can work, and the account that the pipeline is.

APIs, Google's agents, the bucket of the state, the account `deploy` with the roles that the resources take. With
`--billing-account` it may also make the budget, with `--repository` the pipeline's two triggers are made. All of it may
be said again: what is there stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.deploy import DeployError, Environment, environment
from infra.finding import ask
from infra.preconditions import FIRST_APIS
from infra.programs import ProgramError, run

AGENTS = ("pubsub", "eventarc", "iap")
# Of Google's predefined roles (cloud.google.com/iam/docs/roles-permissions) the narrowest that may do it, with the
# resources that take it. On the project, which holds nothing else: one environment, one project.
ROLES = {
    "roles/artifactregistry.admin": ("google_artifact_registry_repository",),
    "roles/cloudfunctions.admin": ("google_cloudfunctions2_function",),
    "roles/cloudscheduler.admin": ("google_cloud_scheduler_job",),
    "roles/compute.loadBalancerAdmin": ("google_compute_",),
    "roles/datastore.owner": ("google_firestore_",),  # and the documents that the smoke test reads
    "roles/firebaserules.admin": ("google_firebaserules_",),
    "roles/iam.roleAdmin": ("google_project_iam_custom_role",),
    "roles/iam.serviceAccountAdmin": ("google_service_account",),
    "roles/iam.serviceAccountUser": (),  # to say as whom functions run and are called
    "roles/iap.admin": ("google_iap_",),
    "roles/logging.configWriter": ("google_logging_metric",),
    "roles/logging.logWriter": (),  # the pipeline's own log
    "roles/monitoring.editor": ("google_monitoring_",),
    "roles/pubsub.admin": ("google_pubsub_",),
    "roles/resourcemanager.projectIamAdmin": ("google_project_iam_member",),
    "roles/run.admin": ("google_cloud_run_v2_service_iam_member",),
    "roles/secretmanager.admin": ("google_secret_manager_",),  # and the canary's secret
    "roles/serviceusage.serviceUsageAdmin": ("google_project_service",),
    "roles/storage.admin": ("google_storage_",),  # and the state
}
BILLING_ROLE = "roles/billing.costsManager"  # google_billing_budget; on the billing account
# Plans lie in the bucket of the state, and hold what it holds.
LIFECYCLE = '{"rule": [{"action": {"type": "Delete"}, "condition": {"age": 30, "matchesPrefix": ["plans/"]}}]}'

Command = tuple[str, ...]


def main() -> int:
    """Say and run every command; exit status 0 only if all went through."""
    parser = argparse.ArgumentParser(prog="python -m infra.bootstrap", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="of terraform/<ENV>.tfvars")
    parser.add_argument("--location", default="europe-west1", help="of the state's bucket (default: europe-west1)")
    parser.add_argument("--billing-account", metavar="ID", help="on which the deploy account may make a budget")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="whose pushes to main the pipeline runs on")
    options = parser.parse_args()
    try:
        target = environment(options.environment)
        with TemporaryDirectory() as folder:
            rules = Path(folder, "lifecycle.json")
            rules.write_text(LIFECYCLE)
            for command in commands(target, options.location, rules):
                run("gcloud", *command)
        for command in (*_budget(target, options.billing_account), *_triggers(target, options.repository)):
            run("gcloud", *command)
    except (DeployError, ProgramError) as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


def commands(target: Environment, location: str, rules: Path) -> Iterator[Command]:
    """Yield what gcloud has to do for a project, in its order; what can be made only once is looked for first."""
    project, bucket = f"--project={target.project}", f"gs://{target.state_bucket}"
    yield ("services", "enable", *(f"{api}.googleapis.com" for api in (*FIRST_APIS, "cloudbuild", "iap")), project)
    for agent in AGENTS:
        yield ("beta", "services", "identity", "create", f"--service={agent}.googleapis.com", project)
    closed = ("--uniform-bucket-level-access", "--public-access-prevention")
    if not ask("gcloud", "storage", "buckets", "describe", bucket, "--format=value(name)"):
        yield ("storage", "buckets", "create", bucket, project, f"--location={location}", *closed)
    yield ("storage", "buckets", "update", bucket, "--versioning", f"--lifecycle-file={rules}")
    if not ask("gcloud", "iam", "service-accounts", "describe", account(target), project, "--format=value(email)"):
        yield ("iam", "service-accounts", "create", "deploy", project, "--display-name=Applies terraform/")
    for role in ROLES:
        yield ("projects", "add-iam-policy-binding", target.project, *_granted(target, role))


def account(target: Environment) -> str:
    """Return the address of the account that deploys."""
    return f"deploy@{target.project}.iam.gserviceaccount.com"


def _granted(target: Environment, role: str) -> Command:
    return (f"--member=serviceAccount:{account(target)}", f"--role={role}", "--condition=None", "--format=none")


def _budget(target: Environment, billing_account: str | None) -> Iterator[Command]:
    if billing_account:
        grant = (f"--member=serviceAccount:{account(target)}", f"--role={BILLING_ROLE}", "--format=none")
        yield ("billing", "accounts", "add-iam-policy-binding", billing_account, *grant)


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
