"""What a plan holds equals what the local backends are made of: one manifest, read twice."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.bootstrap import ROLES
from infra.capacity import MEMORY_MIB
from infra.embedded.bus import backoff_s
from infra.emulators import provision
from infra.manifest import build
from infra.reads import WEBHOOK_SECRET
from infra.resources import Function, Manifest, Subscription
from shared.settings import load, secrets_of
from tests.terraform.workspace import IMAGES, TERRAFORM, Change
from tests.world import REGISTRY

MANIFEST: Manifest = build(REGISTRY)
SERVICES = [f for f in MANIFEST.functions if f.trigger == "http"]
FUNCTIONS = [f for f in MANIFEST.functions if f not in SERVICES]
# What each environment has: nobody calls `chat` where no chat is named, as in dev.
DEPLOYED = {"dev": [f for f in MANIFEST.functions if f.name != "chat"], "prod": list(MANIFEST.functions)}
PLACES = [pytest.param(name, f, id=f"{name}-{f.name}") for name, fs in DEPLOYED.items() for f in fs]
KINDS = ("executor", "intake", "service", "stage")
PRIMITIVE = {"roles/owner", "roles/editor", "roles/viewer"}
PROJECT_WIDE = (
    "google_project_iam_member.build_reads_sources",
    "google_project_iam_member.build_writes_logs",
    "google_project_iam_member.model[0]",
    ".google_project_iam_member.documents[0]",
    ".google_project_iam_member.receives_events[0]",
    'google_project_iam_member.agent["roles/eventarc.serviceAgent"]',
    'google_project_iam_member.agent["roles/pubsub.serviceAgent"]',
    ".google_project_iam_member.traces[0]",
)


Plans = dict[str, list[Change]]


def of_type(plan: list[Change], kind: str) -> dict[str, dict[str, Any]]:
    """Return what is known of the resources of one type, by address."""
    return {c.address: c.after or {} for c in plan if c.type == kind}


def functions_in(plan: list[Change]) -> dict[str, dict[str, Any]]:
    """Return the functions of a plan by name."""
    return {f["name"]: f for f in of_type(plan, "google_cloudfunctions2_function").values()}


def planned(plan: list[Change]) -> list[Function]:
    """Return the functions of the environment that this is the plan of: that one has a proxy."""
    return DEPLOYED["prod" if of_type(plan, "google_iap_web_cloud_run_service_iam_member") else "dev"]


def services_in(plan: list[Change]) -> dict[str, dict[str, Any]]:
    """Return the Cloud Run services of a plan by name."""
    return {s["name"]: s for s in of_type(plan, "google_cloud_run_v2_service").values()}


def environment_in(plan: list[Change], name: str) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Return the plain variables of a function or service, and its secrets with their versions, by variable."""
    if name in (services := services_in(plan)):
        [container] = services[name]["template"][0]["containers"]
        secrets = {e["name"]: e["value_source"][0]["secret_key_ref"][0] for e in container["env"] if e["value_source"]}
        plain = {e["name"]: e["value"] for e in container["env"] if not e["value_source"]}
        return plain, {key: (s["secret"], s["version"]) for key, s in secrets.items()}
    [config] = functions_in(plan)[name]["service_config"]
    given = config["secret_environment_variables"]
    return config["environment_variables"], {s["key"]: (s["secret"], s["version"]) for s in given}


def subscriptions_in(plan: list[Change]) -> dict[str, dict[str, Any]]:
    """Return the subscriptions of a plan by name."""
    return {s["name"]: s for s in of_type(plan, "google_pubsub_subscription").values()}


def test_topics_are_the_manifests(plan: list[Change]) -> None:
    assert {t["name"] for t in of_type(plan, "google_pubsub_topic").values()} == set(MANIFEST.topics)


def test_subscriptions_are_the_manifests(plan: list[Change]) -> None:
    assert subscriptions_in(plan).keys() == {s.name for s in MANIFEST.subscriptions}


@pytest.mark.parametrize("subscription", MANIFEST.subscriptions, ids=lambda s: s.name)
def test_subscription_behaves_in_the_cloud_as_on_the_emulator(subscription: Subscription, plan: list[Change]) -> None:
    cloud = subscriptions_in(plan)[subscription.name]
    local = provision._request(subscription, "p", "")
    [retry] = cloud["retry_policy"]
    dead_letters = [letter["max_delivery_attempts"] for letter in cloud["dead_letter_policy"]]
    assert cloud["ack_deadline_seconds"] == local["ack_deadline_seconds"] == subscription.ack_deadline_s
    assert dead_letters == [p["max_delivery_attempts"] for p in [local.get("dead_letter_policy")] if p]
    # Both local queues make the pauses themselves, first and longest:
    assert float(retry["minimum_backoff"].removesuffix("s")) == backoff_s(subscription, attempt=1)
    assert float(retry["maximum_backoff"].removesuffix("s")) == backoff_s(subscription, attempt=99)


def test_every_subscription_but_the_dead_letters_own_has_a_dead_letter(plan: list[Change]) -> None:
    without = {name for name, s in subscriptions_in(plan).items() if not s["dead_letter_policy"]}
    assert without == {"dead-letters"}


def test_no_subscription_ever_expires_or_filters(plan: list[Change]) -> None:
    for name, subscription in subscriptions_in(plan).items():
        assert subscription["expiration_policy"] == [{"ttl": ""}], name
        assert not subscription["filter"], name


def test_pubsub_may_forward_every_dead_letter(plan: list[Change]) -> None:
    agent = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    acknowledges = of_type(plan, "google_pubsub_subscription_iam_member").values()
    assert {m["subscription"] for m in acknowledges} == {s.name for s in MANIFEST.subscriptions if s.dead_letter_topic}
    assert {(m["role"], m["member"]) for m in acknowledges} == {("roles/pubsub.subscriber", agent)}
    forwards = of_type(plan, "google_pubsub_topic_iam_member")["google_pubsub_topic_iam_member.dead_letters"]
    assert (forwards["role"], forwards["member"]) == ("roles/pubsub.publisher", agent)


def test_functions_are_the_manifests(plan: list[Change]) -> None:
    assert functions_in(plan).keys() == {f.name for f in FUNCTIONS}
    assert services_in(plan).keys() == {f.name for f in SERVICES if f in planned(plan)}
    assert {f.name for f in SERVICES} == IMAGES.keys()


def test_chat_is_deployed_where_one_is_named(plans: dict[str, list[Change]]) -> None:
    assert "chat" not in services_in(plans["dev"])
    environment, secrets = environment_in(plans["prod"], "chat")
    assert (environment["SLACK_APPROVALS_CHANNEL"], load(environment).chats.on) == ("C0123456789", True)
    assert secrets.keys() == {"PRIVACY_KEY", "SLACK_APPROVALS_API_KEY", "SLACK_APPROVALS_WEBHOOK_SECRET"}
    assert "SLACK_APPROVALS_API_KEY" in environment_in(plans["prod"], "notify")[1]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_function_is_deployed_as_the_manifest_says(function: Function, plan: list[Change]) -> None:
    cloud = functions_in(plan)[function.name]
    [config], [build_config] = cloud["service_config"], cloud["build_config"]
    at_once = config["max_instance_count"] * config["max_instance_request_concurrency"]
    assert build_config["entry_point"] == function.target
    assert build_config["runtime"] == "python313"
    assert config["timeout_seconds"] == function.timeout_s
    assert 0.9 * function.max_concurrency <= at_once <= function.max_concurrency
    assert config["available_cpu"] == "1"
    deadlines = [s.ack_deadline_s for s in MANIFEST.subscriptions if s.function == function.name]
    assert all(deadline > config["timeout_seconds"] for deadline in deadlines)


@pytest.mark.parametrize(("name", "service"), [p for p in PLACES if p.values[1] in SERVICES])
def test_service_is_deployed_as_the_manifest_says(name: str, service: Function, plans: Plans) -> None:
    cloud = services_in(plans[name])[service.name]
    [template], [scaling] = cloud["template"], cloud["scaling"]
    [container] = template["containers"]
    assert container["image"] == IMAGES[service.name]
    assert template["timeout"] == f"{service.timeout_s}s"
    at_once = scaling["max_instance_count"] * template["max_instance_request_concurrency"]
    assert 0.9 * service.max_concurrency <= at_once <= service.max_concurrency
    assert container["resources"][0]["limits"] == {"cpu": "1", "memory": f"{MEMORY_MIB}Mi"}


@pytest.mark.parametrize(("name", "function"), PLACES)
def test_environment_is_what_the_function_reads_and_settings_accept_it(
    name: str, function: Function, plans: Plans
) -> None:
    environment, secrets = environment_in(plans[name], function.name)
    assert environment["BACKEND"] == "gcp"
    assert environment.items() >= function.environment.items()
    assert environment.keys() <= {"BACKEND", *function.environment, *function.variables}
    settings = load(environment)
    assert (settings.local, settings.project) == (False, environment["GOOGLE_CLOUD_PROJECT"])
    for key, secret in secrets.items():
        # A number: `latest` is read when an instance starts, so that those that run keep what was before a rotation.
        assert secret == (key, "3")
        assert key in function.secrets or WEBHOOK_SECRET in function.secrets


def test_intake_gets_the_secret_that_it_looks_for(plan: list[Change]) -> None:
    _, names = environment_in(plan, "intake")
    assert names
    for name in names:
        source = name.removesuffix("_WEBHOOK_SECRET").lower().replace("_", "-")
        assert secrets_of(source, {name: "x" * 16}) == [b"x" * 16]


def test_only_a_document_triggers_by_event(plan: list[Change]) -> None:
    triggers = {name: f["event_trigger"] for name, f in functions_in(plan).items() if f["event_trigger"]}
    assert triggers.keys() == {"resume"}
    [trigger] = triggers["resume"]
    assert trigger["event_type"] == "google.cloud.firestore.document.v1.written.withAuthContext"
    assert trigger["retry_policy"] == "RETRY_POLICY_RETRY"
    assert {(f["attribute"], f["value"]) for f in trigger["event_filters"]} == {
        ("database", "(default)"),
        ("document", "approvals/{task_id}"),
    }


def test_every_function_has_accounts_of_its_own(plan: list[Change]) -> None:
    ids = [a["account_id"] for a in of_type(plan, "google_service_account").values()]
    assert len(ids) == len(set(ids))
    called = [f for f in MANIFEST.functions if f.trigger != "http"]
    accounts = {f.account("run") for f in planned(plan)} | {f.account("call") for f in called}
    assert set(ids) == {*accounts, "build-functions"}


def test_each_function_may_be_called_by_one_identity(plan: list[Change]) -> None:
    invoked = of_type(plan, "google_cloud_run_v2_service_iam_member")
    assert {m["role"] for m in invoked.values()} == {"roles/run.invoker"}
    names = sorted(m["name"] for m in invoked.values())
    assert len(names) == len(set(names))
    assert set(names) | {"console"} == {f.name for f in planned(plan)} - {"chat", "intake"}


def test_the_public_may_call_intake_and_chat_and_nothing_else(plan: list[Change]) -> None:
    """Without a grant to it, which an organisation's policy may refuse."""
    public = [c.address for c in plan if (c.after or {}).get("member") in ("allUsers", "allAuthenticatedUsers")]
    assert public == []
    open_to_all = {name for name, s in services_in(plan).items() if s["invoker_iam_disabled"]}
    assert open_to_all == {"chat", "intake"} & services_in(plan).keys()
    ingress = {name: f["service_config"][0]["ingress_settings"] for name, f in functions_in(plan).items()}
    assert set(ingress.values()) == {"ALLOW_INTERNAL_ONLY"}


def test_the_console_can_be_reached_where_the_proxy_stands_before_it(plans: dict[str, list[Change]]) -> None:
    dev, prod = (services_in(plans[e])["console"] for e in ("dev", "prod"))
    assert (dev["iap_enabled"], dev["ingress"]) == (False, "INGRESS_TRAFFIC_INTERNAL_ONLY")
    assert (prod["iap_enabled"], prod["ingress"]) == (True, "INGRESS_TRAFFIC_ALL")
    people = of_type(plans["prod"], "google_iap_web_cloud_run_service_iam_member").values()
    canary = "serviceAccount:deploy@switchyard-prod.iam.gserviceaccount.com"
    assert {p["member"] for p in people} == {"group:ops@acme.test", canary}
    assert {p["role"] for p in people} == {"roles/iap.httpsResourceAccessor"}
    assert of_type(plans["dev"], "google_iap_web_cloud_run_service_iam_member") == {}


def test_nobody_but_the_proxy_calls_the_console(plans: dict[str, list[Change]]) -> None:
    dev, prod = (
        [g for g in of_type(plans[e], "google_cloud_run_v2_service_iam_member").values() if g["name"] == "console"]
        for e in ("dev", "prod")
    )
    assert dev == []
    assert [g["member"] for g in prod] == ["serviceAccount:service-123456789012@gcp-sa-iap.iam.gserviceaccount.com"]


def test_googles_agents_may_do_what_a_trigger_and_a_push_need(plan: list[Change]) -> None:
    """Agents that were asked for, rather than made by their API, get no role by themselves."""
    granted = {(g.get("role"), g.get("member")) for g in of_type(plan, "google_project_iam_member").values()}
    for name in ("eventarc", "pubsub"):
        agent = f"serviceAccount:service-123456789012@gcp-sa-{name}.iam.gserviceaccount.com"
        assert (f"roles/{name}.serviceAgent", agent) in granted


def test_pubsub_may_sign_as_whoever_a_message_or_an_event_is_pushed_as(plan: list[Change]) -> None:
    signs = {re.sub(r"\.google.*", "", a) for a in of_type(plan, "google_service_account_iam_member")}
    pushed = {f.name for f in MANIFEST.functions if f.trigger in ("push", "document")}
    assert {re.search(r'\["([^"]+)"\]', module)[1] for module in signs} == pushed  # type: ignore[index]


def test_messages_rest_in_the_region_of_the_functions(plan: list[Change]) -> None:
    for topic in of_type(plan, "google_pubsub_topic").values():
        [policy] = topic["message_storage_policy"]
        assert policy["allowed_persistence_regions"] == ["europe-west1"]


def test_publishers_are_the_steps_that_owe_messages(plan: list[Change]) -> None:
    grants = [re.search(r'\["([^"]+)"\].*\.publisher\["([^"]+)"\]', c.address) for c in plan]
    assert {(g[1], g[2]) for g in grants if g} == {(f.name, t) for f in planned(plan) for t in f.publishes}


def test_database_is_closed_to_functions_that_store_nothing(plan: list[Change]) -> None:
    grants = of_type(plan, "google_project_iam_member")
    stores = {re.search(r'\["([^"]+)"\]', a)[1] for a in grants if a.endswith("documents[0]")}  # type: ignore[index]
    assert stores == {f.name for f in planned(plan) if f.stores}
    assert "intake" not in stores
    [role] = [r for a, r in of_type(plan, "google_project_iam_custom_role").items() if a.endswith("documents")]
    assert not any("delete" in p for p in role["permissions"])


def test_no_role_is_primitive_and_every_project_wide_one_is_listed(plan: list[Change]) -> None:
    roles = {a: r.get("role") for a, r in ((c.address, c.after or {}) for c in plan) if r.get("role")}
    assert len(roles) > 50
    assert {a for a, role in roles.items() if role in PRIMITIVE} == set()
    project_wide = of_type(plan, "google_project_iam_member")
    assert {a for a in project_wide if not a.endswith(PROJECT_WIDE)} == set()
    refused = re.compile(r"_iam_(binding|policy)$|^google_service_account_key$|_secret_version$|^google_(org|folder)")
    assert {c.address for c in plan if refused.search(c.type)} == set()


def test_who_applies_has_a_role_for_every_resource_and_none_besides(plans: dict[str, list[Change]]) -> None:
    """terraform_data and time_sleep are in the state alone; the budget's role is on the billing account."""
    kinds = {c.type for c in plans["prod"] if c.type.startswith("google_")} - {"google_billing_budget"}
    served = {role: {k for k in kinds if k.startswith(begins)} for role, begins in ROLES.items() if begins}
    assert kinds - set().union(*served.values()) == set()
    assert [role for role, kinds in served.items() if not kinds] == []


def test_every_project_wide_role_says_why_beside_it() -> None:
    text = "\n".join(path.read_text() for path in sorted(TERRAFORM.rglob("*.tf")) if ".terraform" not in path.parts)
    blocks = re.findall(r'((?:^#.*\n)*)^resource "google_project_iam_\w*member" "(\w+)"', text, re.MULTILINE)
    assert len(blocks) == len({re.sub(r"\[.*\]", "", grant) for grant in PROJECT_WIDE})
    silent = [name for comment, name in blocks if "On the project" not in comment and name != "model"]
    assert silent == []  # the model's stands above the role it grants


def test_state_holds_no_secret(plan: list[Change]) -> None:
    assert of_type(plan, "google_secret_manager_secret_version") == {}
    assert of_type(plan, "google_secret_manager_secret") == {}
    channels = of_type(plan, "google_monitoring_notification_channel").values()
    assert not any(channel["sensitive_labels"] for channel in channels)


def test_bundle_is_named_by_what_it_holds(plan: list[Change]) -> None:
    for name, function in functions_in(plan).items():
        [source] = function["build_config"][0]["source"][0]["storage_source"]
        assert re.fullmatch(rf"{name}/[0-9a-f]{{64}}\.zip", source["object"])


def test_prod_is_dev_and_what_its_variables_add(plans: dict[str, list[Change]]) -> None:
    dev, prod = ({re.sub(r"\[.*?\]", "", c.address) for c in plans[e]} for e in ("dev", "prod"))
    assert dev - prod == set()
    assert prod - dev == {
        "google_billing_budget.this",
        "google_firestore_backup_schedule.daily",
        "google_monitoring_alert_policy.this",
        "google_monitoring_notification_channel.email",
        "module.service.google_cloud_run_v2_service_iam_member.proxy",
        "module.service.google_iap_settings.programs",
        "module.service.google_iap_web_cloud_run_service_iam_member.people",
        *(f"module.{kind}.module.account.google_project_iam_member.traces" for kind in KINDS),
    }


def test_functions_may_add_spans_where_something_is_traced_and_say_so(plans: dict[str, list[Change]]) -> None:
    for name, may in (("prod", len(MANIFEST.functions)), ("dev", 0)):
        granted = [m for a, m in of_type(plans[name], "google_project_iam_member").items() if ".traces[" in a]
        assert [m["role"] for m in granted] == ["roles/cloudtrace.agent"] * may
        settings = [load(environment_in(plans[name], f.name)[0]) for f in planned(plans[name])]
        assert {(s.tracing.exporter, s.tracing.ratio) for s in settings} == {("cloud", 0.1) if may else ("off", 1.0)}
        apis = {a["service"] for a in of_type(plans[name], "google_project_service").values()}
        assert ({"cloudtrace.googleapis.com", "telemetry.googleapis.com"} <= apis) == bool(may)
