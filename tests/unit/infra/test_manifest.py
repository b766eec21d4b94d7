"""The manifest is current, and gives each function exactly the settings that its step reads."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from functions.chat import google_chat, pressing
from functions.classify.main import ROOM_MIB
from functions.console import pages, router
from functions.console.identity import person
from functions.console.page import Page
from functions.console.policy import policy
from functions.intake.caller import check_caller
from functions.intake.incoming import IncomingRequest
from functions.intake.step import receive_event, receive_webhook
from functions.notify.step import notify
from infra.capacity import BODY_MIB, MEMORY_MIB, PARSING_MIB, PROCESS_MIB
from infra.manifest import PATH, build
from infra.reads import PLACES, SOURCE_FIELDS, TRACED, WEBHOOK_SECRET
from infra.resources import Function, Manifest, to_json
from shared.chat.card import Press
from shared.errors import Misconfigured, ModelUnavailable, Unauthenticated, Unprocessable
from shared.event.signatures import sign
from shared.intent.declaration import Intent
from shared.intent.registry import Registry
from shared.records import routers
from shared.records.breakers import breaker_path, open_breaker
from shared.records.edits import NOBODY
from shared.records.letters import close_letter
from shared.records.privacy import must_be_officer, someone
from shared.serving.push import MAX_ENVELOPE_BYTES
from shared.serving.waiting_room import HEAVIEST_MIB, weight_mib
from shared.settings import Settings, Webhook, fields_of, load, secrets_of
from shared.task.moves import Person
from shared.task.router import Promotion
from shared.wiring import classifiers
from shared.wiring.chats import SlackChat
from shared.wiring.desk import ASKING_S
from shared.wiring.people import DIRECTORIES
from shared.wiring.providers import provider_settings
from tests.certificates import certificate
from tests.scripted import ScriptedHandler
from tests.world import ORDER_STATUS, REFUND, REGISTRY, World, ticket

JSON = {"content-type": "application/json"}
MANIFEST: Manifest = build(REGISTRY)
# Read by no function in the cloud: ports and folders of one machine.
LOCAL = {"INTAKE_URL_PORT", "CHAT_PORT", "CONSOLE_PORT", "DATA_DIR", "NOTIFY_FORMAT"}

SAMPLES = {
    "BACKEND": "gcp",
    "CLASSIFIER": "genai",
    "GEMINI_API_KEY": "k",
    "GEMINI_MODEL": "m",
    "GEMINI_API_ENDPOINT": "e",
    "VERTEX_PROJECT": "p",
    "VERTEX_LOCATION": "l",
    "CONFIDENCE_THRESHOLD": "0.9",
    "CERTIFICATION": "required",
    "CERTIFICATE": certificate().model_dump_json(),
    "SKIP_CALLS": "no_parameter",
    "LOCAL_CERTIFICATE": certificate().model_dump_json(),
    "AUDIT_SHARE": "0.2",
    "ERROR_BUDGET": "0.5",
    "COALESCE": "5",
    "MAX_CONCURRENT_CALLS": "3",
    "MODEL_TIMEOUT_S": "9",
    "MODEL_BUDGET_S": "9",
    "MODEL_REQUESTS_A_MINUTE": "9",
    "MODEL_TOKENS_A_MINUTE": "9",
    "MODEL_TOKENS_A_DAY": "9",
    "MODEL_IN_PLACE": "local",
    "ANSWER_CACHE_S": "9",
    "LABEL_TEXTS": "keep",
    "APPROVAL_TTL_S": "9",
    "RETENTION_DAYS": "9",
    "AUTOMATIC": "order_status",
    "DISABLED_INTENTS": "order_status",
    "APPROVERS": "*=a@x.com",
    "IAP_AUDIENCE": "a",
    "DIRECT_CALLERS": "a@x.iam.gserviceaccount.com",
    "LISTEN_TO": "github:bot",
    "DIRECT_AUDIENCE": "a",
    "GOOGLE_CLOUD_PROJECT": "p",
    "INTAKE_URL_PORT": "1",
    "CONSOLE_PORT": "1",
    "CHAT_PORT": "1",
    "SLACK_APPROVALS_CHANNEL": "C0123456789",
    "GOOGLE_CHAT_APPROVALS_SPACE": "spaces/AAAAbcDEfgh",
    "GOOGLE_CHAT_APPROVALS_AUDIENCE": "https://chat.example.com/google-chat",
    "GOOGLE_CHAT_APPROVALS_CALLER": "a@x.gserviceaccount.com",
    "DATA_DIR": "d",
    "FIRESTORE_DATABASE": "data",
    "TOPIC_PREFIX": "t",
    "NOTIFY_FORMAT": "slack",
    "NOTIFY_WEBHOOK_URL": "https://hooks.slack.com/services/x",
    "CONSOLE_URL": "https://ops.example.com",
    "ZENDESK_URL": "https://acme.zendesk.com",
    "PRIVACY_KEY": "k" * 32,
    "PRIVACY_OFFICERS": "a@x.com",
    "PROMOTERS": "a@x.com",
    "TRACING": "cloud",
    "TRACING_RATIO": "0.5",
    "ESCALATION_WEBHOOK_URL": "https://hooks.slack.com/services/y",
}


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return default


class Watched:
    """Settings that remember which fields were read."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.fields = settings, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.fields.add(name)
        return getattr(self.settings, name)


def variables_of(field: str) -> set[str]:
    """Return the variables that set a field of `Settings`: one, or those of a part."""
    if field == "local":
        return {"BACKEND"}
    changed = {v for v, s in SAMPLES.items() if getattr(load({v: s}), field) != getattr(Settings(), field)}
    assert len(changed) == 1 or dataclasses.is_dataclass(getattr(Settings(), field)), field
    return changed


def test_committed_manifest_is_current() -> None:
    assert PATH.read_text() == to_json(MANIFEST), "stale: run make manifest"


def test_every_variable_that_settings_read_is_some_functions_or_local() -> None:
    asked = Asked()
    load(asked)
    asked.names.remove("K_SERVICE")  # the platform says so, nobody else
    assert asked.names == SAMPLES.keys()
    given = {name for f in MANIFEST.functions for name in (*f.variables, *f.secrets)} | {"BACKEND"}
    assert asked.names - given == LOCAL
    assert given & LOCAL == set()


async def _intake(world: World) -> None:
    request = IncomingRequest("POST", "/", {"authorization": "Bearer token"}, world.store.now, "", _body)
    await check_caller(request, b"{}", world.ports.settings, lambda token, audience: "a@x.iam.gserviceaccount.com")
    await receive_webhook(replace(request, headers=JSON, path="/healthz", method="GET"), world.ports)
    secret, now = b"crm-secret-0123456789", world.store.now
    signed = JSON | sign("generic", await _said(), secret, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_WEBHOOK_SECRET", secret.decode())
        asked = replace(request, headers=signed, path="/hooks/crm", received_at=now, read=_said)
        assert (await receive_webhook(asked, world.ports)).status == 202
        signed = JSON | sign("generic", await _broken(), secret, now)
        asked = replace(request, headers=signed, path="/hooks/crm", received_at=now, read=_broken)
        assert (await receive_webhook(asked, world.ports)).body == {"parked": "malformed_json"}


async def _said() -> bytes:
    return b'{"text": "Where is it?"}'


async def _broken() -> bytes:
    return b'{"text": '


async def _body() -> bytes:
    return b"{}"


async def _intake_events(world: World) -> None:
    await receive_event(world.delivery(REFUND[0].model_dump_json()), world.ports)
    await receive_event(world.delivery(b"junk"), world.ports)
    said = replace(world.delivery(await _said()), attributes={"parked": "1", "source": "crm"})
    assert (await receive_event(said, world.ports)).code == "accepted"


async def _classify(world: World) -> None:
    await classifiers.build(world.ports.settings, REGISTRY).close()
    vars(world.ports).pop("desk")  # made with the world, before anybody watched
    assert world.ports.desk
    await world.classify(REFUND[0])
    await world.classify(b"junk")
    world.model.answers = [ModelUnavailable("down")]
    with pytest.raises(ModelUnavailable):
        await world.classify(ticket("hello", task_id="t2"))


async def _execute(world: World) -> None:
    then, intent = world.store.look("tasks/t1").data, (await world.record("t1")).intent
    await open_breaker(world.ports, intent, cause="audits", why="", bad=8, seen=8, function="console")
    assert (await world.execute("t1", ScriptedHandler())).code == "awaiting_approval"
    world.store.put(breaker_path(intent), open=False)
    world.store.put("tasks/t1", **(then or {}))
    await world.execute("t1", ScriptedHandler())
    await world.execute("t1", ScriptedHandler(), data="junk")


async def _approve(world: World) -> None:
    await world.decide("t1")


async def _console(world: World) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    page = Page(Request(scope), world.ports, Person("ops@example.com", "console"))
    await pages.waiting(page)
    await policy(world.ports, page.who)
    await world.decide("t1", parameters=REFUND[1]["parameters"] | {"amount_minor": 100})
    await close_letter(world.ports, world.bury("m1"), page.who, reason="seen")
    must_be_officer(world.ports, Person("a@x.com", "cli"))
    with pytest.raises(Unprocessable):
        await routers.upload(world.ports, Person("a@x.com", "cli"), "model", "no name")
    router.answered(Promotion(hash="", previous="", by="", channel="", at=world.now, reason="back"), world.ports)
    someone(world.ports, "kim@example.com")
    with pytest.raises(Misconfigured):
        await person({}, world.ports.settings)


async def _resume(world: World) -> None:
    parameters = REFUND[1]["parameters"] | {"amount_minor": 100}
    await world.edit("t1", status="approved", parameters=parameters)
    assert (await world.resume("t1")).code == "decided"


async def _sweep(world: World) -> None:
    await world.edit("t1", status="approved")
    world.pass_time(minutes=5)
    assert await world.sweep() == {"asked_again": 1}


async def _chat(world: World) -> None:
    """Somebody presses a button of a card of either chat."""
    with pytest.raises(Unauthenticated):
        await google_chat.take(b"{}", {}, world.ports)
    now = await pressing.look(world.ports, "t1")
    typed = {"p.order_id": "10021", "p.amount_minor": "24.00", "p.currency": "USD"}
    press, who = Press("t1", now.card.look), pressing.person("ops@example.com")
    await pressing.decide(world.ports, who, press, "edit", typed)
    assert SlackChat(world.ports).name == "slack"


async def _notify(world: World) -> None:
    """All chats refuse connections: nobody is told in a test."""
    hooks = [Webhook("slack", "https://127.0.0.1:1/x")] * 2
    watched: Any = world.ports.settings
    watched.settings = replace(watched.settings, notify_webhook=hooks[0], escalation_webhook=hooks[1])
    watched.settings = replace(watched.settings, chats=replace(watched.settings.chats, google_chat_space=""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLACK_APPROVALS_API_URL", "https://127.0.0.1:1")
        told = (await notify(world.ports)).body
    assert told == {"main": "webhook_refused", "escalation": "nothing_new", "cards": "0 posted, 0 drawn anew"}
    await world.ports.pool.close()


async def _deadletter(world: World) -> None:
    await world.deadletter(REFUND[0].model_dump_json(), "tasks")


STEPS: list[tuple[str, Callable[[World], Awaitable[None]], Any]] = [
    ("intake", _intake, None),
    ("intake-events", _intake_events, None),
    ("classify", _classify, None),
    ("execute-order-status", _execute, ORDER_STATUS),
    ("execute-refund-request", _execute, REFUND),
    ("deadletter", _deadletter, None),
    ("resume", _resume, REFUND),
    ("console", _console, REFUND),
    ("sweep", _sweep, REFUND),
    ("notify", _notify, REFUND),
    ("chat", _chat, REFUND),
]


@pytest.mark.parametrize(("name", "drive", "waiting"), STEPS, ids=[name for name, _, _ in STEPS])
async def test_function_is_given_exactly_what_its_step_reads_and_publishes_on(
    name: str, drive: Callable[[World], Awaitable[None]], waiting: Any
) -> None:
    function, automatic = MANIFEST.function(name), {"refund_request": 5000} if name.startswith("execute") else {}
    world = World((waiting or REFUND)[1], automatic=automatic)
    if waiting is not None:
        await world.classify(waiting[0])
    world.publisher.messages.clear()
    unset = {"IAP_AUDIENCE", "AUTOMATIC", "DISABLED_INTENTS", "VERTEX_PROJECT", "TOPIC_PREFIX"}
    unset |= {"CERTIFICATE", "CERTIFICATION", "LOCAL_CERTIFICATE"}  # where they are set, no threshold is asked for
    env = {v: s for v, s in SAMPLES.items() if v not in unset}
    approvers = {"*": frozenset({"ops@example.com", NOBODY.name})}
    watched = Watched(replace(load(env), automatic=automatic, approvers=approvers))
    world.ports.settings = watched  # type: ignore[assignment]
    await drive(world)
    read = set().union(*map(variables_of, watched.fields - {"tracing"})) - LOCAL - {"BACKEND", *PLACES}
    settings = {v for v in (*function.variables, *function.secrets) if v in SAMPLES} - {
        "GOOGLE_CLOUD_PROJECT",
        *PLACES,
        *TRACED,
    }
    assert read == settings
    assert {topic for topic, _, _ in world.publisher.messages} <= set(function.publishes)


@pytest.mark.parametrize("intent", REGISTRY.values(), ids=lambda i: i.name)
def test_executor_is_given_the_variables_of_its_provider(intent: Intent) -> None:
    asked = Asked()
    provider_settings(intent.provider, asked)
    executor = MANIFEST.function(f"execute-{intent.name.replace('_', '-')}")
    assert asked.names == {*executor.variables, *executor.secrets} - SAMPLES.keys()
    assert executor.environment == {"INTENT": intent.name}


def test_map_of_a_source_is_named_as_intake_looks_for_it() -> None:
    name = SOURCE_FIELDS.replace("<SOURCE>", "MY_CRM")
    assert fields_of("my-crm", {name: "words=/a"}) == "words=/a"


def test_classify_alone_is_given_where_people_are_looked_up() -> None:
    asked = Asked()
    for directory, _ in DIRECTORIES.values():
        provider_settings(directory, asked)
    given = {f.name: {*f.variables, *f.secrets} & asked.names for f in MANIFEST.functions}
    assert {name for name, names in given.items() if names} == {"classify"}
    assert given["classify"] == asked.names
    assert {MANIFEST.defaults[name] for name in asked.names if name.endswith("_URL")} == {""}


def test_secret_of_a_source_is_named_as_intake_looks_for_it() -> None:
    name = WEBHOOK_SECRET.replace("<SOURCE>", "MY_CRM")
    assert secrets_of("my-crm", {name: "x" * 16}) == [b"x" * 16]


@pytest.mark.parametrize("concurrency", [1, 2, 7, 10, 11, 80, 81, 100, 997, 1000])
@pytest.mark.parametrize("at_once", [10, 80])
def test_instances_together_never_exceed_the_global_concurrency(concurrency: int, at_once: int) -> None:
    function = replace(MANIFEST.function("classify"), max_concurrency=concurrency, max_requests=at_once)
    together = function.instances * function.requests_per_instance
    assert 0.8 * concurrency <= together <= concurrency
    assert 1 <= function.requests_per_instance <= at_once


@pytest.mark.parametrize("function", [f for f in MANIFEST.functions if f.trigger == "push"], ids=lambda f: f.name)
def test_an_instance_takes_no_more_messages_at_once_than_fit_into_its_memory(function: Function) -> None:
    assert BODY_MIB * 1024 * 1024 > MAX_ENVELOPE_BYTES
    assert BODY_MIB == HEAVIEST_MIB
    held_mib = ROOM_MIB if function.name == "classify" else function.requests_per_instance * BODY_MIB
    assert PROCESS_MIB + PARSING_MIB + held_mib <= MEMORY_MIB
    assert function.instances * function.requests_per_instance == function.max_concurrency


def test_classify_takes_more_tasks_at_once_than_its_calls_hold_so_that_the_next_call_is_full() -> None:
    function, settings = MANIFEST.function("classify"), Settings()
    in_calls = settings.max_concurrent_calls * settings.coalesce
    assert function.requests_per_instance >= in_calls + settings.coalesce
    usual = Request({"type": "http", "headers": [(b"content-length", b"20000")]})
    assert function.requests_per_instance * weight_mib(usual) < ROOM_MIB
    for subscription in (s for s in MANIFEST.subscriptions if s.function == "classify"):
        assert ASKING_S < function.timeout_s < subscription.ack_deadline_s


def test_accounts_of_long_names_are_short_and_differ() -> None:
    names = [f"execute-{letter * 39}{n}" for letter in "ab" for n in range(9)]
    ids = [replace(MANIFEST.function("sweep"), name=n).account(role) for n in names for role in ("run", "call")]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][-a-z0-9]{4,28}[a-z0-9]", i) for i in ids)
    assert MANIFEST.function("sweep").account("run") == "run-sweep"


def test_adding_an_intent_adds_its_topic_subscription_and_function_and_nothing_else() -> None:
    fewer = build(Registry({name: intent for name, intent in REGISTRY.items() if name != "order_status"}))
    assert set(MANIFEST.topics) - set(fewer.topics) == {"intent-order-status"}
    assert {s.name for s in set(MANIFEST.subscriptions) - set(fewer.subscriptions)} == {"intent-order-status"}
    names = {f.name for f in fewer.functions}
    assert {f.name for f in MANIFEST.functions} - names == {"execute-order-status"}
    unchanged = {f.name: dataclasses.replace(f, publishes=()) for f in fewer.functions}
    assert all(dataclasses.replace(MANIFEST.function(n), publishes=()) == f for n, f in unchanged.items())
