"""Every setting, read from the environment in one place."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from shared.currency import minor_units
from shared.errors import Misconfigured, SettingError
from shared.field_map import parse_fields

Backend = Literal["embedded", "emulators", "gcp"]
ClassifierName = Literal["local", "gemini", "genai"]

WebhookFormat = Literal["slack", "google_chat"]
# Minor units by currency; minor units of the one that the intent declares; None where no money moves.
Allowance = Mapping[str, int] | int | None

MIN_SECRET_BYTES = 16
MIN_RETENTION_DAYS = 8
WEBHOOK_HOSTS: Mapping[str, WebhookFormat] = {"hooks.slack.com": "slack", "chat.googleapis.com": "google_chat"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A chat's incoming webhook. Whoever has its URL may write there, so it is never shown."""

    format: WebhookFormat
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, parsed. Secrets are not fields: `secrets_of` reads them when a request needs them."""

    backend: Backend = "embedded"
    classifier: ClassifierName = "local"
    gemini_api_key: str = field(default="", repr=False)
    gemini_model: str = "gemini-3.5-flash-lite"
    gemini_api_endpoint: str = ""  # empty: Google's own
    vertex_project: str = ""  # set: genai speaks to Vertex AI with IAM instead of a key
    vertex_location: str = "global"
    confidence_threshold: float = 0.8
    max_concurrent_calls: int = 10  # calls in flight per instance, to the model and to each provider host
    model_timeout_s: float = 30.0
    model_budget_s: float = 600.0  # how long a message may wait for the model before a person gets the task
    approval_ttl_s: float = 72 * 3600.0
    retention_days: int = 90
    automatic: Mapping[str, Allowance] = field(default_factory=dict)  # intent -> what may run without a person
    disabled_intents: frozenset[str] = frozenset()
    listens_to: frozenset[str] = frozenset()  # <source>:<voice> that may ask besides people: bot, staff, private_note
    approvers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # intent or "*" -> identities; empty: anyone
    intake_port: int = 8080
    console_port: int = 8081
    data_dir: str = ".switchyard"
    project: str = "switchyard-local"
    topic_prefix: str = ""
    iap_audience: str = ""
    direct_callers: frozenset[str] = frozenset()  # service accounts that may POST / in the cloud
    direct_audience: str = ""
    notify_webhook: Webhook | None = None  # where people hear of what is new
    escalation_webhook: Webhook | None = None  # where they hear of approvals at the last moment
    console_url: str = ""  # where people reach the console, for links

    @property
    def local(self) -> bool:
        """True where everything runs on one machine, bound to 127.0.0.1."""
        return self.backend != "gcp"


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `env` (default: the process's environment).

    Raises:
        SettingError: a variable cannot be used; `field` names it and the message says what it must be.
    """
    env = os.environ if env is None else env
    if env.get("K_SERVICE") and env.get("BACKEND") != "gcp":  # the other backends take everybody for the developer
        raise SettingError("BACKEND must be gcp on Cloud Run, where K_SERVICE is set", field="BACKEND")
    d = Settings()
    return Settings(
        backend=_choice(env, "BACKEND", get_args(Backend), d.backend),  # type: ignore[arg-type]
        classifier=_choice(env, "CLASSIFIER", get_args(ClassifierName), d.classifier),  # type: ignore[arg-type]
        gemini_api_key=env.get("GEMINI_API_KEY", ""),
        gemini_model=env.get("GEMINI_MODEL") or d.gemini_model,
        gemini_api_endpoint=env.get("GEMINI_API_ENDPOINT", "").rstrip("/"),
        vertex_project=env.get("VERTEX_PROJECT", ""),
        vertex_location=env.get("VERTEX_LOCATION") or d.vertex_location,
        confidence_threshold=_number(env, "CONFIDENCE_THRESHOLD", d.confidence_threshold, 0.0, 1.0),
        max_concurrent_calls=int(_number(env, "MAX_CONCURRENT_CALLS", d.max_concurrent_calls, 1, 1000, whole=True)),
        model_timeout_s=_number(env, "MODEL_TIMEOUT_S", d.model_timeout_s, 0.1, 300),
        model_budget_s=_number(env, "MODEL_BUDGET_S", d.model_budget_s, 0, 86_400),
        approval_ttl_s=_number(env, "APPROVAL_TTL_S", d.approval_ttl_s, 1, 30 * 86_400),
        retention_days=_retention(env, d.retention_days),
        automatic=_automatic(env.get("AUTOMATIC", "")),
        disabled_intents=_names(env.get("DISABLED_INTENTS", "")),
        listens_to=_listens_to(env.get("LISTEN_TO", "")),
        approvers=_approvers(env.get("APPROVERS", "")),
        intake_port=int(_number(env, "INTAKE_URL_PORT", d.intake_port, 0, 65_535, whole=True)),
        console_port=int(_number(env, "CONSOLE_PORT", d.console_port, 0, 65_535, whole=True)),
        data_dir=env.get("DATA_DIR") or d.data_dir,
        project=env.get("GOOGLE_CLOUD_PROJECT") or d.project,
        topic_prefix=env.get("TOPIC_PREFIX", ""),
        iap_audience=env.get("IAP_AUDIENCE", ""),
        direct_callers=_names(env.get("DIRECT_CALLERS", "")),
        direct_audience=env.get("DIRECT_AUDIENCE", ""),
        notify_webhook=_webhook(env, "NOTIFY_WEBHOOK_URL"),
        escalation_webhook=_webhook(env, "ESCALATION_WEBHOOK_URL"),
        console_url=_console_url(env.get("CONSOLE_URL", "")),
    )


def secrets_of(source: str, env: Mapping[str, str] | None = None) -> list[bytes]:
    """Return the active webhook secrets of a source: `<SOURCE>_WEBHOOK_SECRET`, two of them separated by a comma
    while one is being rotated.

    Raises:
        Misconfigured: none is set, or one is shorter than 16 bytes; the route answers 503 and never skips the check.
    """
    env = os.environ if env is None else env
    name = f"{source.upper().replace('-', '_')}_WEBHOOK_SECRET"
    secrets = [s.strip().encode() for s in env.get(name, "").split(",") if s.strip()]
    if not secrets:
        raise Misconfigured(
            f"{name} is not set; {source} webhooks are refused until it is", code="secret_missing", field=name
        )
    if any(len(s) < MIN_SECRET_BYTES for s in secrets):
        raise Misconfigured(f"{name} must have at least {MIN_SECRET_BYTES} bytes", code="secret_too_short", field=name)
    return secrets


def fields_of(source: str, env: Mapping[str, str] | None = None) -> str:
    """Return where a source keeps what is read of it, `<SOURCE>_FIELDS`, checked and as it is written; or nothing.

    Raises:
        Misconfigured: it cannot be read; the route answers 503 until it can.
    """
    env = os.environ if env is None else env
    name = f"{source.upper().replace('-', '_')}_FIELDS"
    text = env.get(name, "").strip()
    try:
        parse_fields(text)
    except ValueError as error:
        raise Misconfigured(f"{name}: {error}", code="bad_fields", field=name) from None
    return text


def _choice(env: Mapping[str, str], name: str, options: tuple[str, ...], default: str) -> str:
    value = env.get(name) or default
    if value not in options:
        raise SettingError(f"{name} is {value!r}; it must be one of {', '.join(options)}", field=name)
    return value


def _number(
    env: Mapping[str, str], name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise SettingError(f"{name} is {text!r}; it must be {kind} from {low:g} to {high:g}", field=name)
    return value


def _retention(env: Mapping[str, str], default: int) -> int:
    try:
        return int(_number(env, "RETENTION_DAYS", default, MIN_RETENTION_DAYS, 3650, whole=True))
    except SettingError as error:
        why = "Pub/Sub keeps an unacknowledged message for 7 days, and a task has to outlive it"
        raise SettingError(f"{error.message}: {why}", field=error.field) from None


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _listens_to(text: str) -> frozenset[str]:
    """Parse `github:bot,zendesk:private_note`."""
    for part in _names(text):
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}:(bot|staff|private_note)", part):
            raise SettingError(
                f"LISTEN_TO has {part!r}; each entry must be source:bot, source:staff or source:private_note",
                field="LISTEN_TO",
            )
    return _names(text)


def _automatic(text: str) -> dict[str, Allowance]:
    """Parse `refund_request<=50.00 USD|45.00 EUR,password_reset`: what may run without a person, money up to that.

    A ceiling without a currency, `<=5000`, is in minor units of the one that the intent declares.
    """
    result: dict[str, Allowance] = {}
    for part in _names(text):
        name, bounded, ceiling = part.partition("<=")
        is_name = re.fullmatch(r"[a-z][a-z0-9_]*", name)
        amounts = [minor_units(amount.strip()) for amount in ceiling.split("|")]
        plain = re.fullmatch(r"[0-9]{1,12}", ceiling)
        known = [amount for amount in amounts if amount]
        if not is_name or (bounded and not plain and len(dict(known)) < len(amounts)):
            raise SettingError(
                f"AUTOMATIC has {part!r}; each entry must be an intent, or intent<=50.00 USD with one amount for each "
                "currency, joined by |",
                field="AUTOMATIC",
            )
        result[name] = int(ceiling) if plain else dict(known) or None
    return result


def _approvers(text: str) -> dict[str, frozenset[str]]:
    """Parse `refund_request=a@x.com|b@x.com,*=lead@x.com`."""
    result: dict[str, frozenset[str]] = {}
    for part in _names(text):
        intent, equals, people = part.partition("=")
        if not equals or not people:
            raise SettingError(f"APPROVERS has {part!r}; each entry must be intent=person|person", field="APPROVERS")
        result[intent] = frozenset(p.strip() for p in people.split("|") if p.strip())
    return result


def _webhook(env: Mapping[str, str], name: str) -> Webhook | None:
    """Parse a chat's webhook; the host says what it takes, on this machine `NOTIFY_FORMAT` does."""
    local_format = _choice(env, "NOTIFY_FORMAT", get_args(WebhookFormat), "slack") if env.get("NOTIFY_FORMAT") else ""
    url = env.get(name, "").strip()
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    here = host == "127.0.0.1" and (env.get("BACKEND") or Settings().backend) != "gcp"
    if here and local_format and parts.scheme in ("http", "https"):
        return Webhook(local_format, url)  # type: ignore[arg-type]
    format = WEBHOOK_HOSTS.get(host or "")
    if format is None or parts.scheme != "https" or port or "@" in parts.netloc or len(parts.path) < 2:
        wanted = " or ".join(f"https://{known}/..." for known in WEBHOOK_HOSTS)
        raise SettingError(
            f"{name} must be {wanted}; on 127.0.0.1 set NOTIFY_FORMAT to {' or '.join(get_args(WebhookFormat))}",
            field=name,
        )
    return Webhook(format, url)


def _console_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.:-]+/?", text):
        raise SettingError(f"CONSOLE_URL is {text!r}; it must be http(s)://host", field="CONSOLE_URL")
    return text.rstrip("/")
