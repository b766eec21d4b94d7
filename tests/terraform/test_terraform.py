"""Terraform's own word on its files: formatted, valid, tested; and what each bad value is refused with."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.terraform.workspace import OFFLINE, TERRAFORM, Workspace, runner, variables

GOOD = """
variables {
  project_id        = "test-project"
  model             = { location = "global" }
  provider_settings = {
    SHOP_API_URL    = "https://shop.acme.test"
    AUTH0_API_URL   = "https://acme.auth0.test"
    AUTH0_CLIENT_ID = "switchyard"
  }
}
"""
KEY = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
URLS = 'AUTH0_API_URL = "https://a.test", AUTH0_CLIENT_ID = "x"'

# variable, a value that cannot be used, and words that tell what to do about it
REFUSED = [
    ("project_id", '"My Project"', "must be a project's id"),
    ("prefix", '"two"', "4 to 8 lower case letters and digits"),
    ("prefix", '"my-copy"', "4 to 8 lower case letters and digits"),
    ("region", '"europe-west1-b"', "must be a region such as europe-west1"),
    ("firestore_location", '"europe"', "must be a region, eur3 or nam5"),
    ("database", '"(default)"', "must be the id of a restored database"),
    ("storage_regions", "[]", "at least one"),
    ("storage_regions", '["eu"]', "must hold regions such as europe-west1"),
    ("labels", '{ Team = "ops" }', "of lower case letters, digits, - and _"),
    ("labels", '{ app = "other" }', "must not hold app"),
    ("egress", '{ range = "10.8.0.0" }', "a private range such as 10.8.0.0/24"),
    ("egress", '{ range = "8.8.8.0/24" }', "a private range such as 10.8.0.0/24"),
    ("egress", '{ range = "10.8.0.0/26" }', "must hold 132 addresses for the instances of this manifest"),
    ("encryption", '{ key = "k" }', "projects/P/locations/europe-west1/keyRings/R/cryptoKeys/K"),
    ("encryption", f'{{ key = "{KEY}/cryptoKeyVersions/1" }}', "and not a version of one"),
    (
        "encryption",
        f'{{ key = "{KEY}", database_key = "{KEY.replace("west1", "west4")}" }}',
        "a key of where the database is",
    ),
    ("audit_logs", '["all"]', "may hold database, secrets and sign_in"),
    ("sources", '["Zen desk"]', "lower case letters, digits"),
    ("direct_callers", '["serviceAccount:crm@acme.test"]', "without the prefix serviceAccount:"),
    ("direct_callers", '["crm@acme.test"]', "of a service account"),
    ("sources", '["my__crm"]', "between them single - or _"),
    ("listen_to", '["github:robot"]', "such as github:bot"),
    ("listen_to", '["gihub:bot"]', "of zendesk, jira, slack, github or stripe"),
    ("fields", '{ "Web shop" = "words=/text" }', "must be a source's name"),
    ("fields", '{ webshop = "email=/email" }', "with a map such as words=/comment/text"),
    ("event_publishers", '["allUsers"]', "allUsers is refused"),
    ("model", '{ classifier = "gpt" }', "must be genai, gemini or local"),
    ("model", '{ classifier = "gemini" }', "store a key in the secret GEMINI_API_KEY"),
    ("model", "{}", "model.location must say where tickets are read"),
    ("model", "{ timeout_s = 60 }", "shorter than the timeout of classify"),
    ("model", "{ budget_s = 100000 }", "from 0 to 86400"),
    ("confidence_threshold", "1.1", "from 0 to 1"),
    ("audit_share", "1.1", "audit_share must be from 0 to 1"),
    ("tracing_ratio", "1.1", "tracing_ratio must be from 0 to 1"),
    ("error_budget", "-0.1", "error_budget must be from 0 to 1"),
    ("certification", '"on"', "must be off or required"),
    ("certificate", '"{}"', "the text of a file that make calibrate wrote"),
    (
        "certificate",
        '"{\\"lines\\": [{\\"threshold\\": 0.5, \\"intents\\": [\\"refund\\"]}]}"',
        "there are cancel_order,",
    ),
    ("skip_calls", '["all"]', "must hold no_parameter, certified or agreeing"),
    ("skip_calls", '["certified"]', "which needs local_certificate"),
    ("local_certificate", '"{}"', "the text of a file that make calibrate wrote"),
    ("label_texts", '"all"', "must be hash or keep"),
    ("chat_approvals", '{ slack_channel = "#ops" }', "must be a channel's id"),
    ("chat_approvals", '{ google_chat_space = "ops" }', "must be such as spaces/"),
    ("chat_approvals", "{}", "must name slack_channel or google_chat_space"),
    ("chat_webhooks", '["https://hooks.slack.com/x"]', "names of secrets, never URLs"),
    ("max_concurrent_calls", "0", "whole number from 1 to 1000"),
    ("max_concurrent_calls", "2.5", "whole number from 1 to 1000"),
    ("coalesce", "0", "whole number from 1 to 20"),
    ("model_limits", "{ requests_a_minute = 0 }", "must be whole numbers from 1"),
    ("model_limits", "{ tokens_a_day = 0.5 }", "must be whole numbers from 1"),
    ("model_limits", '{ in_place = "nobody" }', "must be people or local"),
    ("model_limits", "{ cache_s = -1 }", "from 0 to 86400"),
    ("automatic", "{ refund = 5000 }", "there are cancel_order,"),
    ("automatic", "{ refund_request = 50.5 }", "an amount such as 50.00 USD"),
    ("automatic", '{ refund_request = "50.00" }', "an amount such as 50.00 USD"),
    ("automatic", '{ refund_request = "50.00 USD,45.00 EUR" }', "an amount such as 50.00 USD"),
    ("disabled_intents", '["refund"]', "there are cancel_order,"),
    ("approvers", '{ refund = ["a@acme.test"] }', "there are *, cancel_order,"),
    ("approvers", "{ refund_request = [] }", "at least one e-mail address"),
    ("approvers", '{ "*" = ["user:a@acme.test"] }', "without a prefix such as user:"),
    ("privacy_officers", '["user:a@acme.test"]', "privacy_officers must hold e-mail addresses"),
    ("promoters", '["user:a@acme.test"]', "promoters must hold e-mail addresses"),
    ("approval_ttl_s", "0", "from 1 to 2592000"),
    ("retention_days", "7", "Pub/Sub keeps an unacknowledged message for 7 days"),
    ("retention_days", "30.5", "whole number from 8 to 3650"),
    ("provider_settings", '{ STRIPE_API_KEY = "sk_live_1" }', "Keys belong in Secret Manager"),
    ("provider_settings", "{}", "must set AUTH0_API_URL, AUTH0_CLIENT_ID, SHOP_API_URL, or"),
    ("provider_settings", f'{{ SHOP_API_URL = "http://shop.acme.test", {URLS} }}', "must begin with https://"),
    ("bundles", '{ clasify = "0" }', "there are chat, classify,"),
    ("bundles", '{ classify = "latest" }', "64 hexadecimal digits"),
    ("min_instances", "{ intake = 100 }", "up to its `instances`"),
    ("min_instances", "{ intak = 1 }", "must name functions"),
    ("images", '{ intake = "europe-west1-docker.pkg.dev/p/services/intake:1" }', "must name a digest"),
    ("serving", '{ intake = "console-00007-abc" }', "must be a revision of its service"),
    ("console", '{ members = ["allUsers"] }', "allUsers is refused"),
    ("console", "{ members = [] }", "at least one user:, group:, domain: or serviceAccount: member"),
    (
        "console",
        '{ members = ["group:ops@acme.test"], programmatic_clients = ["x"] }',
        "ends in .apps.googleusercontent.com",
    ),
    (
        "console",
        '{ members = ["group:ops@acme.test"], canary = "serviceAccount:a@p.iam.gserviceaccount.com" }',
        "without the prefix serviceAccount:",
    ),
    ("alert_emails", '["oncall"]', "must be an e-mail address"),
    ("alert_channels", '["pagerduty"]', "projects/P/notificationChannels/N"),
    ("approval_alert_s", "1", "at least 60"),
    ("budget", '{ billing_account = "mine", amount = 100 }', "must look like 012345-6789AB-CDEF01"),
    ("budget", '{ billing_account = "012345-6789AB-CDEF01", amount = 0.5 }', "whole number of the currency"),
    ("budget", '{ billing_account = "012345-6789AB-CDEF01", amount = 9, currency = "euro" }', "such as EUR"),
    ("dollars_per_million_tokens", "0", "over 0"),
]
# Free text, files and switches, which every value fits.
UNCHECKED = {"protect_data", "manifest", "bundle_dir"}


def declared() -> dict[str, str]:
    """Return the body of every variable of the root module."""
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}$', variables(), re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def refusals(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Terraform says to each value, by test file."""
    declarations = Workspace.of_variables(tmp_path_factory.mktemp("variables"))
    files = {
        f"refused_{n}": f'{GOOD}run "plan" {{\n  command = plan\n  variables {{\n    {name} = {value}\n  }}\n}}\n'
        for n, (name, value, _) in enumerate(REFUSED)
    }
    said: dict[str, str] = {}
    for message in declarations.test(files):
        if message["type"] == "diagnostic":
            file = message["@testfile"].removeprefix("tests/").removesuffix(".tftest.hcl")
            said[file] = f"{said.get(file, '')} {_words(message['diagnostic'])}"
    return said


def _words(diagnostic: dict[str, Any]) -> str:
    return " ".join(f"{diagnostic['summary']} {diagnostic['detail']}".split())


def test_files_are_formatted(workspace: Workspace) -> None:
    done = workspace.run("fmt", "-check", "-recursive", "-no-color")
    assert (done.returncode, done.stdout) == (0, "")


def test_configuration_is_valid(workspace: Workspace) -> None:
    done = workspace.run("validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


def test_terraform_tests_pass(workspace: Workspace) -> None:
    done = workspace.run("test", "-no-color")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    summary = re.search(r"(\d+) passed, (\d+) failed", done.stdout)
    assert summary is not None
    assert int(summary[1]) >= 30


@pytest.mark.skipif(
    not runner().endswith(OFFLINE.name), reason="a plan with the real provider needs a project and a login"
)
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_environment_can_be_planned_without_mocks(environment: str, workspace: Workspace) -> None:
    override = workspace.folder / "backend_override.tf"
    override.write_text('terraform {\n  backend "local" {}\n}\n')
    try:
        assert workspace.run("init", "-reconfigure", "-input=false").returncode == 0
        done = workspace.run("plan", "-input=false", "-no-color", f"-var-file={environment}.tfvars")
    finally:
        override.unlink()
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"Plan: \d{3} to add, 0 to change, 0 to destroy", done.stdout)


@pytest.mark.parametrize("n", range(len(REFUSED)), ids=[f"{name}={value}" for name, value, _ in REFUSED])
def test_value_that_cannot_be_used_is_refused_in_words_that_help(n: int, refusals: dict[str, str]) -> None:
    name, _, words = REFUSED[n]
    said = refusals.get(f"refused_{n}", "accepted")
    assert "Invalid value for variable" in said, said
    assert words in said
    assert name in words or name in said


def test_no_rule_of_a_variable_is_without_a_value_that_it_refuses(refusals: dict[str, str]) -> None:
    said = " ".join(refusals.values())
    rules = [
        (name, message.partition("${")[0])
        for name, body in declared().items()
        for message in re.findall(r'error_message = "(.*)"\n', body)
    ]
    assert len(rules) > 60
    assert [rule for rule in rules if rule[1] not in said] == []


def test_every_variable_is_described_and_checked() -> None:
    found = declared()
    assert len(found) > 20
    assert [name for name, body in found.items() if "  description = " not in body] == []
    assert {name for name, body in found.items() if "  validation {" not in body} == UNCHECKED
    assert {name for name, _, _ in REFUSED} | UNCHECKED == set(found)


def test_readme_lists_every_variable_with_its_description() -> None:
    readme = (TERRAFORM / "README.md").read_text()
    for name, body in declared().items():
        description = re.search(r'description = "(.*)"\n', body)
        assert description is not None
        assert f"| `{name}` | {description[1]} |" in readme
