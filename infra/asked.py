"""What only an environment's variables ask of a project before Terraform: roles, keys of one's own, random secrets.

`make bootstrap` runs it. A secret is made with its key, for it cannot change to one (google_secret_manager_secret
replaces what changes its replication), and with its first version, which a plan looks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.environment import CANARY, Environment
from infra.finding import ask

# The role is granted where the environment's file sets the variable; with the resources that take it.
ROLES_OF = {
    "egress": {"roles/compute.networkAdmin": ("google_compute_",)},
    "encryption": {"roles/eventarc.admin": ("google_eventarc_",)},
}
SIGNER_ROLE = "roles/iam.serviceAccountTokenCreator"  # on the account as which a deployment looks at the console
KEY_ROLE = "roles/cloudkms.admin"  # google_kms_crypto_key_iam_member; on the keys
BILLING_ROLE = "roles/billing.costsManager"  # google_billing_budget; on the billing account
# What is made here is encrypted by these, and needs them at once; storage's agent has a command of its own.
FIRST_AGENTS = ("artifactregistry", "secretmanager")
KEY_AGENTS = ("cloudfunctions", "firestore", "run")  # Terraform grants them the key
ENCRYPTS = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
RANDOM = "PRIVACY_KEY"

Command = tuple[str, ...]


def account(target: Environment) -> str:
    """Return the address of the account that deploys."""
    return f"deploy@{target.project}.iam.gserviceaccount.com"


def grant(target: Environment, who: str, role: str) -> Command:
    """Return what grants a service account a role on the project."""
    to = (f"--member=serviceAccount:{who}", f"--role={role}", "--condition=None", "--format=none")
    return ("projects", "add-iam-policy-binding", target.project, *to)


def key(target: Environment) -> str | None:
    """Return the key of what rests in the region; None: Google's own."""
    return (target.said.get("encryption") or {}).get("key")


def key_agents(target: Environment, key: str | None) -> Iterator[Command]:
    """Yield what makes Google's agents that work with the key, and gives it to those that need it first."""
    if not key:
        return
    project = f"--project={target.project}"
    for agent in (*FIRST_AGENTS, *KEY_AGENTS):
        yield ("beta", "services", "identity", "create", f"--service={agent}.googleapis.com", project)
    yield ("storage", "service-agent", project, f"--authorize-cmek={key}")
    number = ask("gcloud", "projects", "describe", target.project, "--format=value(projectNumber)")
    for agent in FIRST_AGENTS:
        yield _on_key(key, f"service-{number}@gcp-sa-{agent}.iam.gserviceaccount.com", ENCRYPTS)


def roles(target: Environment) -> Iterator[Command]:
    """Yield the grants to the account that deploys which only these variables need."""
    for name, wanted in ROLES_OF.items():
        for role in wanted if target.said.get(name) is not None else ():
            yield grant(target, account(target), role)
    if canary := (target.said.get("console") or {}).get("canary"):
        signs = (f"--member=serviceAccount:{account(target)}", f"--role={SIGNER_ROLE}", "--format=none")
        project = f"--project={target.project}"
        yield ("iam", "service-accounts", "add-iam-policy-binding", str(canary), project, *signs)
    for name in sorted({str(key) for key in (target.said.get("encryption") or {}).values() if key}):
        yield _on_key(name, account(target), KEY_ROLE)


def random_secrets(target: Environment) -> Iterator[tuple[str, Command]]:
    """Yield the secrets that are nobody else's and not there yet, each with the command that takes it as its input."""
    for variable in (RANDOM, *([CANARY] if "canary" in (target.said.get("sources") or ()) else [])):
        name, project = target.secret(variable), f"--project={target.project}"
        if not ask("gcloud", "secrets", "describe", name, project, "--format=value(name)"):
            yield name, ("secrets", "create", name, project, "--data-file=-", *encrypted(target, key(target)))


def encrypted(target: Environment, key: str | None) -> Command:
    """Return the options that make a secret with a key of one's own, in the region of the key."""
    return ("--replication-policy=user-managed", f"--locations={target.region}", f"--kms-key-name={key}") if key else ()


def budget(target: Environment) -> Iterator[Command]:
    """Yield the grant that lets the account that deploys make the budget."""
    if asked := target.said.get("budget"):
        to = (f"--member=serviceAccount:{account(target)}", f"--role={BILLING_ROLE}", "--format=none")
        yield ("billing", "accounts", "add-iam-policy-binding", str(asked["billing_account"]), *to)


def _on_key(key: str, who: str, role: str) -> Command:
    to = (f"--member=serviceAccount:{who}", f"--role={role}", "--format=none")
    return ("kms", "keys", "add-iam-policy-binding", key, *to)
