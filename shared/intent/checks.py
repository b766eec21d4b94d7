"""What a declaration must hold, by itself and beside the others: intents in, one line per problem out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from shared.currency import DECIMALS
from shared.intent.declaration import (
    MAX_A_DAY,
    MAX_UNDO_S,
    REQUESTER,
    Idempotency,
    Intent,
    Limits,
    ParametersModel,
    Policy,
    Provider,
)
from shared.intent.mistakes import like, words_of
from shared.intent.provenance import FromField, MoneyFromPayload, markers_of
from shared.intent.sentence import EFFECT_KEY, PLACE

_ADDRESS = re.compile(r"https://[A-Za-z0-9.:-]+(?:[/?#][!-~]*)?\Z")
MIN_EXAMPLES = 3
RISKS = get_args(get_type_hints(Policy)["risk"])
KINDS = get_args(get_type_hints(Idempotency)["kind"])
CHANNELS = Policy().channels
# What an event is known to say of its sender, see `shared.event.payload.View.fields`.
POINTERS = ("/requester/email", "/requester/id", "/requester/name")
PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SHAPES: Mapping[str, tuple[type, str]] = {
    "policy": (Policy, "Policy(...)"),
    "idempotency": (Idempotency, "NATURAL, NONE or by_key(safe_age)"),
    "limits": (Limits, "Limits(...)"),
    "provider": (Provider, 'Provider("name", url="https://...")'),
}


def problems(intent: Intent, folder: str) -> Iterator[str]:
    """Yield what is wrong with one declaration; each says the field and what to do."""
    if intent.name != folder:
        yield f"INTENT.name is {intent.name!r}, the folder is {folder!r}; make them equal"
    if not isinstance(intent.description, str) or not intent.description.strip():
        yield "description is empty; the model chooses by it"
    yield from _examples(intent.examples)
    yield from _near_misses(intent)
    for name, (shape, wanted) in _SHAPES.items():
        if not isinstance(getattr(intent, name), shape):
            yield f"{name} is {getattr(intent, name)!r:.40}; it must be {wanted}"
            return
    fault = next(_parameters(intent.parameters), None)
    if fault is not None:
        yield fault
        return
    yield from _effect(intent.effect, intent.parameters.model_fields)
    yield from _look_at(intent.look_at, intent.parameters.model_fields)
    yield from _policy(intent.policy, intent.parameters.model_fields)
    yield from _bounds(intent)


def _examples(examples: Any) -> Iterator[str]:
    if isinstance(examples, str) or not all(isinstance(e, str) and e.strip() for e in examples):
        yield 'examples must be several texts: ("...", "...", "...")'
    elif len(examples) < MIN_EXAMPLES:
        yield f"examples: needs at least {MIN_EXAMPLES} examples; add what people really write"
    elif twice := next((e for n, e in enumerate(examples) if _plain(e) in map(_plain, examples[:n])), None):
        yield f"examples: {twice!r} stands there twice; write another one"


def _near_misses(intent: Intent) -> Iterator[str]:
    misses: Any = intent.near_misses
    if isinstance(misses, str) or not all(isinstance(m, str) and m.strip() for m in misses):
        yield 'near_misses must be texts: ("...", "..."), or () for none'
    elif both := next((m for m in misses if _plain(m) in map(_plain, intent.examples)), None):
        yield f"near_misses: {both!r} is an example, too; it is one or the other"


def _parameters(model: Any) -> Iterator[str]:
    """Yield what keeps a model from being used; Pydantic says some of it only at the first validation."""
    if not (isinstance(model, type) and issubclass(model, ParametersModel)):
        yield "parameters must be a subclass of ParametersModel"
        return
    try:
        model.model_rebuild()
        model.model_json_schema()
        model.model_validate({})
    except ValidationError:
        pass  # it works: it wants its fields
    except Exception as error:
        yield f"{model.__name__}: {words_of(error)}"
    if not model.model_fields:
        yield f"{model.__name__} has no fields; the Gemini API refuses an empty object, so declare at least one"
    for name, marker in markers_of(model).items():
        if isinstance(marker, FromField) and marker.pointer not in POINTERS:
            near = like(marker.pointer, POINTERS)
            yield f"field {name!r}: no event says {marker.pointer!r};{near} it is one of {', '.join(POINTERS)}"
        if isinstance(marker, MoneyFromPayload):
            if model.model_fields[name].annotation is not int:
                yield f"field {name!r}: MoneyFromPayload is of an int, in minor units"
            if marker.currency not in model.model_fields:
                near = like(marker.currency, model.model_fields)
                yield f"field {name!r}: MoneyFromPayload names {marker.currency!r}, which is no field;{near} add it"


def _effect(effect: Any, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    if not isinstance(effect, str):
        yield f"effect is {effect!r:.40}; it must be a sentence with parameters in braces, or empty"
        return
    for name in PLACE.findall(effect):
        if name not in fields:
            yield f"effect names {{{name}}}, which is no field of Parameters;{like(name, fields)} name one"


def _look_at(address: Any, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    if not isinstance(address, str) or (address and not _ADDRESS.match(address)):
        yield f"look_at is {address!r:.40}; it must be an https address without a place in its host, or empty"
        return
    for name in PLACE.findall(address):
        if name not in (*fields, EFFECT_KEY):
            known = [*fields, EFFECT_KEY]
            yield f"look_at names {{{name}}}, which is no field of Parameters;{like(name, known)} name one"


def _policy(policy: Policy, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    if policy.risk not in RISKS:
        yield f"policy.risk is {policy.risk!r};{like(str(policy.risk), RISKS)} it is one of {', '.join(RISKS)}"
    if policy.risk == "money" and policy.amount is None:
        yield "policy.risk is money, so policy.amount must name the field that holds minor units"
    if policy.amount is not None and (policy.amount not in fields or fields[policy.amount].annotation is not int):
        yield f"policy.amount {policy.amount!r} is no int field of Parameters;{like(policy.amount, fields)} name one"
    if policy.currency and policy.currency not in DECIMALS:
        near = like(policy.currency, DECIMALS)
        yield f"policy.currency {policy.currency!r} is no ISO 4217 code that is known;{near} it is one such as USD"
    if policy.currency and policy.amount is None:
        yield "policy.currency needs policy.amount: the field that holds its minor units"
    if policy.subject and policy.subject not in (REQUESTER, *POINTERS) and policy.subject not in fields:
        near = like(policy.subject, [REQUESTER, *POINTERS, *fields])
        yield f"policy.subject {policy.subject!r} is neither a pointer nor a field of Parameters;{near} name one"
    if (policy.per_day is not None or policy.amount) and policy.subject is None:
        yield "policy.subject must say by whom per_day and amount are counted"
    if policy.per_day is not None and not 1 <= policy.per_day <= MAX_A_DAY:
        yield f"policy.per_day is {policy.per_day}; it must be 1..{MAX_A_DAY} (None: no bound)"
    if not 0 <= policy.undo_s <= MAX_UNDO_S:
        yield f"policy.undo_s is {policy.undo_s}; it must be 0 (at once) to {MAX_UNDO_S}"
    if not 0 <= policy.audit_share <= 1:
        yield "policy.audit_share must be between 0 and 1"
    if not 1 <= policy.approvals <= 5:
        yield f"policy.approvals is {policy.approvals}; it must be 1 to 5"
    if policy.approvals_above < 0 or (policy.approvals_above and (policy.amount is None or policy.approvals == 1)):
        yield "policy.approvals_above is of minor units: it needs policy.amount and approvals=2 or more"
    for name in policy.once_per:
        if name not in fields:
            yield f"policy.once_per {name!r} is no field of Parameters;{like(name, fields)} name one"
    if policy.excludes and not policy.once_per:
        yield "policy.excludes needs once_per: the subject that both intents are about"
    if policy.within <= timedelta(0):
        yield f"policy.within is {policy.within}; it must be positive, such as days(90)"
    if isinstance(policy.channels, str) or not policy.channels or not set(policy.channels) <= set(CHANNELS):
        yield f"policy.channels is {policy.channels!r}; it must be a tuple of some of {', '.join(CHANNELS)}"


def _bounds(intent: Intent) -> Iterator[str]:
    limits, provider = intent.limits, intent.provider
    for pointer in intent.needs:
        if pointer not in POINTERS:
            yield f"needs has {pointer!r};{like(pointer, POINTERS)} it must be one of {', '.join(POINTERS)}"
    if not (1 <= limits.max_concurrency <= 1000 and 5 <= limits.timeout_s <= 500 and 1 <= limits.max_attempts <= 20):
        yield "limits must be max_concurrency 1..1000, timeout_s 5..500, max_attempts 1..20"
    if not 0 <= limits.patience_s <= 7 * 86_400:
        yield f"limits.patience_s is {limits.patience_s}; it must be 0..604800, a week"
    if intent.idempotency.kind not in KINDS:
        yield f"idempotency.kind is {intent.idempotency.kind!r}; it must be one of {', '.join(KINDS)}"
    if intent.idempotency.kind == "by_key" and intent.idempotency.safe_age <= timedelta(0):
        yield "idempotency: by_key needs a positive safe_age"
    if not PROVIDER.fullmatch(provider.name):
        yield f"provider.name {provider.name!r} must match {PROVIDER.pattern}; it becomes part of a variable's name"
    url = urlsplit(provider.url)
    if url.scheme != "https" or not url.hostname:
        yield f"provider.url {provider.url!r} must be https://host"


def clashes(intents: Iterable[Intent]) -> Iterator[str]:
    """Yield what two intents may not both say, with the file to change: kinds, examples, addresses of a provider."""
    kinds: dict[str, tuple[str, str]] = {}
    examples: dict[str, str] = {}
    urls: dict[str, tuple[str, str]] = {}
    for intent in intents:
        where = f"functions/execute/{intent.name}/intent.py"
        for name, schema in intent.parameters.model_json_schema().get("properties", {}).items():
            kind = _kind(schema)
            owner, known = kinds.setdefault(name, (intent.name, kind))
            if known != kind:
                yield (
                    f"{where}: parameter {name!r} is {kind} here and {known} in {owner}; one answer schema serves all "
                    "intents, so rename one of them"
                )
        for example in intent.examples:
            owner = examples.setdefault(_plain(example), intent.name)
            if owner != intent.name:
                yield f"{where}: example {example!r} is also one of {owner}; the model cannot know which, so reword one"
        owner, url = urls.setdefault(intent.provider.name, (intent.name, intent.provider.url))
        if url != intent.provider.url:
            variable = intent.provider.variable("API_URL")
            yield f"{where}: provider {intent.provider.name!r} is at {url} in {owner}; {variable} can only be one"


def _plain(example: str) -> str:
    return " ".join(example.casefold().split()).rstrip(".!?")


def _kind(schema: Mapping[str, Any]) -> str:
    options = [s.get("type") for s in schema.get("anyOf", [schema])]
    return "/".join(str(o) for o in options if o != "null")
