"""What a project must have before a deployment: asked of gcloud and Terraform, in the order in which it is set up."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

from infra.asked import encrypted
from infra.environment import TERRAFORM, DeployError, Environment, environment
from infra.finding import ROOT, Finding, ask
from infra.pins import pins, today
from infra.release import REPOSITORY, builder

OLDEST_TERRAFORM = (1, 9)
# What is called before Terraform can enable the rest: see terraform/README.md.
FIRST_APIS = (
    *("cloudresourcemanager", "iam", "serviceusage", "secretmanager", "storage", "pubsub", "eventarc"),
    *("artifactregistry", "cloudbuild", "run"),  # images are built, and what serves is asked
    "iamcredentials",  # signs as a service account (cloud.google.com/iam/docs/create-short-lived-credentials-direct)
)
# What follows from the variables, as Terraform works it out.
WANTED = (
    'jsonencode({ secrets = [for s in distinct(flatten(values(local.secrets_of))) : join("", [local.secret_prefix, s])]'
    ", sources = var.sources, console = var.console != null, canary = try(var.console.canary, null), key = local.key, "
    "location = coalesce(var.firestore_location, var.region) })"
)
HASHES = TERRAFORM / ".terraform.lock.hcl"
# The platforms of the pipeline and of people's machines; others are added the same way.
LOCK = "terraform -chdir=terraform providers lock -platform=linux_amd64 -platform=darwin_arm64"
DATABASE = "google_firestore_database.this"
PUBLIC = "run.managed.requireInvokerIam"
REST = "; the rest is looked at after that"


def deployment(name: str) -> Iterator[Finding]:
    """Look at what `make deploy` needs; what hangs on something missing waits."""
    try:
        target = environment(name)
    except DeployError as error:
        yield Finding("variables", str(error), f"cp terraform/dev.tfvars terraform/{name}.tfvars, then edit it")
        return
    yield Finding(f"variables of {name}, project {target.project}")
    terraform = _terraform()
    yield terraform
    yield _hashes()
    yield from pins(today())
    if shutil.which("gcloud") is None:
        yield Finding("gcloud", f"not installed{REST}", "see https://cloud.google.com/sdk/docs/install")
        return
    yield Finding("gcloud")
    login = _login()
    yield login
    if login.problem:
        return
    yield _token()
    project = _project(target)
    yield project
    if project.problem:
        return
    yield _billing(target)
    yield _apis(target)
    yield _state(target)
    yield _images(target)
    yield _public(target)
    if not terraform.problem:
        yield from _of_variables(target)


def _terraform() -> Finding:
    wanted = ".".join(map(str, OLDEST_TERRAFORM))
    said = ask(_program(), "version", "-json")
    if said is None:
        fix = "see https://developer.hashicorp.com/terraform/install"
        return Finding("Terraform", f"not installed; {wanted} or newer is needed", fix)
    found = re.search(r'"terraform_version":\s*"(\d+)\.(\d+)', said)
    old = found is None or (int(found[1]), int(found[2])) < OLDEST_TERRAFORM
    return Finding("Terraform", f"{wanted} or newer is needed" if old else "", "install a newer one")


def _hashes() -> Finding:
    """With them, nobody can give a build another provider under the version that it asks for."""
    path = str(HASHES.relative_to(ROOT))
    new = HASHES.is_file() and ask("git", "status", "--porcelain", "--", path)  # an init has left it
    problem = "not committed" if new else "" if HASHES.is_file() else "not there"
    told = f"{problem}: a build takes what it is given under a provider's version" if problem else ""
    return Finding("hashes of the providers", told, f"{LOCK} && git add {path}", required=False)


def _login() -> Finding:
    account = ask("gcloud", "auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    return Finding("gcloud login", "" if account else f"nobody is logged in{REST}", "gcloud auth login")


def _token() -> Finding:
    """Terraform and the smoke test take these credentials, not those of `gcloud auth login`."""
    token = ask("gcloud", "auth", "application-default", "print-access-token")
    problem = "" if token else "there are none"
    return Finding("credentials of programs", problem, "gcloud auth application-default login")


def _project(target: Environment) -> Finding:
    state = ask("gcloud", "projects", "describe", target.project, "--format=value(lifecycleState)")
    problem = "" if state == "ACTIVE" else f"it does not exist, or this account may not see it{REST}"
    return Finding(f"project {target.project}", problem, f"gcloud projects create {target.project}")


def _billing(target: Environment) -> Finding:
    enabled = ask("gcloud", "billing", "projects", "describe", target.project, "--format=value(billingEnabled)")
    problem = "" if enabled == "True" else "no billing account pays for the project"
    return Finding("billing", problem, f"gcloud billing projects link {target.project} --billing-account=ACCOUNT")


def _apis(target: Environment) -> Finding:
    said = ask("gcloud", "services", "list", "--enabled", f"--project={target.project}", "--format=value(config.name)")
    wanted = [f"{api}.googleapis.com" for api in FIRST_APIS]
    missing = [api for api in wanted if api not in (said or "").split()]
    problem = f"not enabled: {', '.join(missing)}" if missing else ""
    fix = f"gcloud services enable {' '.join(missing)} --project={target.project}"
    return Finding("APIs that are needed first", problem, fix)


def _state(target: Environment) -> Finding:
    bucket = f"gs://{target.state_bucket}"
    found = ask("gcloud", "storage", "buckets", "describe", bucket, "--format=value(name)")
    create = f"gcloud storage buckets create {bucket} --project={target.project} --location=REGION"
    fix = f"{create} --uniform-bucket-level-access --public-access-prevention"
    return Finding("bucket of Terraform's state", "" if found else f"{bucket} is not there", fix)


def _images(target: Environment) -> Finding:
    """Images are there before Terraform is asked to deploy them, and so is the account that builds them."""
    location, project = f"--location={target.region}", f"--project={target.project}"
    kept = ask("gcloud", "artifacts", "repositories", "describe", REPOSITORY, location, project, "--format=value(name)")
    built = ask("gcloud", "iam", "service-accounts", "describe", builder(target), project, "--format=value(email)")
    problem = "" if kept else f"there is no repository {REPOSITORY} in {target.region}"
    problem = problem or ("" if built else f"there is no account {builder(target)}")
    return Finding("images of the services", problem, f"make bootstrap ENV={target.name}")


def _public(target: Environment) -> Finding:
    """Webhooks carry no Google identity; an organisation may ask for one everywhere."""
    what = "webhooks from anywhere"
    about = (PUBLIC, f"--project={target.project}", "--effective", "--format=json")
    said = ask("gcloud", "org-policies", "describe", *about)
    if said is None:
        fix = f"gcloud services enable orgpolicy.googleapis.com --project={target.project}"
        return Finding(what, f"whether {PUBLIC} is enforced could not be asked", fix, required=False)
    refused = any(rule.get("enforce") for rule in json.loads(said or "{}").get("spec", {}).get("rules", []))
    exception = f"name: projects/{target.project}/policies/{PUBLIC}\\nspec: {{rules: [{{enforce: false}}]}}\\n"
    fix = f"printf '{exception}' | gcloud org-policies set-policy /dev/stdin"
    return Finding(what, f"the organisation's policy {PUBLIC} wants an identity of all callers" if refused else "", fix)


def _of_variables(target: Environment) -> Iterator[Finding]:
    """Look at what hangs on the variables; Terraform knows which sources and intents are in use."""
    said = _ask_terraform(target, "console", target.variables, stdin=WANTED)
    try:
        wanted: dict[str, Any] = json.loads(json.loads(said or ""))
    except (ValueError, TypeError):
        where = f"TF_DATA_DIR={target.data_dir.relative_to(TERRAFORM)}"
        fix = f"{where} terraform -chdir=terraform init -backend-config=bucket={target.state_bucket}"
        yield Finding("secrets", "Terraform, which knows their names, is not initialised", fix)
        return
    canary = "" if "canary" in wanted["sources"] else "intake would refuse the smoke test, and the deployment go back"
    yield Finding("canary among the sources", canary, f'add "canary" to sources in terraform/{target.name}.tfvars')
    yield _database(target, wanted["location"])
    if wanted["console"]:
        yield _organisation(target)
    if wanted["canary"]:
        yield _signs(wanted["canary"])
    for name in wanted["secrets"]:
        yield _secret(target, name, wanted["key"])


def _database(target: Environment, location: str) -> Finding:
    """App Engine, Firebase or an earlier try may have made the one database of this name."""
    name = target.prefix.rstrip("-") or "(default)"
    what, about = f"database {name}", (f"--database={name}", f"--project={target.project}", "--format=json")
    said = ask("gcloud", "firestore", "databases", "describe", *about)
    if not said:
        return Finding(f"{what}: not there yet")
    found = json.loads(said)
    if found.get("type") != "FIRESTORE_NATIVE":
        fix = f"gcloud firestore databases update --type=firestore-native --project={target.project}, while it is empty"
        return Finding(what, "it is in Datastore mode", fix)
    if found.get("locationId") != location:
        fix = f'firestore_location = "{found.get("locationId")}" in terraform/{target.name}.tfvars'
        return Finding(what, f"it is in {found.get('locationId')}, for ever, and the variables say {location}", fix)
    kept = _ask_terraform(target, "state", "list", DATABASE)
    data_dir = target.data_dir.relative_to(TERRAFORM)
    fix = f'TF_DATA_DIR={data_dir} terraform -chdir=terraform import {target.variables} {DATABASE} "{name}"'
    return Finding(what, "" if kept else "it is there already, and Terraform does not know of it", fix)


def _organisation(target: Environment) -> Finding:
    """Google's own OAuth client lets in users of the project's organisation only."""
    what, project = "who may sign in at the console", f"--project={target.project}"
    kinds = ask("gcloud", "projects", "get-ancestors", target.project, "--format=value(type)")
    if "organization" in (kinds or "").split():
        return Finding(what)
    client = "value(accessSettings.oauthSettings.clientId)"
    own = ask("gcloud", "iap", "settings", "get", project, "--resource-type=iap_web", f"--format={client}")
    fix = f"gcloud iap settings set oauth.yaml {project} --resource-type=iap_web, as in terraform/README.md"
    return Finding(what, "" if own else "nobody: the project has neither organisation nor OAuth client of its own", fix)


def _signs(account: str) -> Finding:
    """A deployment looks at a new console as this account, through the proxy, before people do."""
    token = ask("gcloud", "auth", "print-access-token", f"--impersonate-service-account={account}")
    grant = f"gcloud iam service-accounts add-iam-policy-binding {account} --member=user:YOU"
    problem = "" if token else f"you may not sign as {account}"
    return Finding("who looks at a new console", problem, f"{grant} --role=roles/iam.serviceAccountTokenCreator")


def _secret(target: Environment, name: str, key: str | None) -> Finding:
    about = (f"--project={target.project}", "--filter=state=ENABLED", "--limit=1", "--format=value(name)")
    listed = ask("gcloud", "secrets", "versions", "list", name, *about)
    # This one is nobody else's: it is only to be random.
    made, file = ("openssl rand -hex 32 | tr -d '\\n' | ", "-") if name.endswith("PRIVACY_KEY") else ("", "FILE")
    create = ("create", name, f"--project={target.project}", f"--data-file={file}", *encrypted(target, key))
    fix = f"{made}gcloud secrets {' '.join(create)}"
    return Finding(f"secret {name}", "" if listed else "it has no version", fix)


def _program() -> str:
    return os.environ.get("TERRAFORM") or "terraform"


def _ask_terraform(target: Environment, *arguments: str, stdin: str = "") -> str | None:
    return ask(_program(), f"-chdir={TERRAFORM}", *arguments, stdin=stdin, env={"TF_DATA_DIR": str(target.data_dir)})
