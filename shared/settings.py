"""Every setting, read from the environment in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlsplit

from shared import entries
from shared.certificate import Certificate, parse
from shared.chats import Chats
from shared.chats import read as read_chats
from shared.entries import choice as _choice
from shared.entries import number as _number
from shared.errors import Misconfigured, SettingError
from shared.field_map import parse_fields
from shared.limits import Limits
from shared.limits import read as read_limits

Backend = Literal["embedded", "emulators", "gcp"]
ClassifierName = Literal["local", "gemini", "genai"]

Skip = Literal["no_parameter", "certified", "agreeing"]
WebhookFormat = Literal["slack", "google_chat"]
LabelTexts = Literal["hash", "keep"]
SpanExporter = Literal["off", "local", "cloud"]

MIN_SECRET_BYTES = 16
MOST_TOGETHER = 20  # beyond this a call saves little more, and an answer of so many is likelier to be cut off
MIN_RETENTION_DAYS = 8
WEBHOOK_HOSTS: Mapping[str, WebhookFormat] = {"hooks.slack.com": "slack", "chat.googleapis.com": "google_chat"}
_TOPIC_PREFIX = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{0,99}")
# Google's rule (gcloud firestore databases create); the emulators take it as well.
_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")
_PROJECT = re.compile(r"[a-z][a-z0-9.:-]*")
_WORD = re.compile(r"[!-~]+")
_HOST = re.compile(r"https?://[A-Za-z0-9.:-]+/?")
_SITE = re.compile(r"https://[A-Za-z0-9.:-]+/?")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A chat's incoming webhook. Whoever has its URL may write there, so it is never shown."""

    format: WebhookFormat
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans go, `local` into DATA_DIR and `cloud` to Cloud Trace; of how many traces, where no caller decides."""

    exporter: SpanExporter = "off"
    ratio: float = 1.0


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
    coalesce: int = 10  # waiting tasks in one model call, while all calls are in flight; 1: each has its own
    model_timeout_s: float = 30.0
    model_budget_s: float = 600.0  # how long a message may wait for the model before a person gets the task
    limits: Limits = field(default_factory=Limits)
    certification: bool = False  # whether what is not proven waits for a person; else the threshold alone decides
    certificate: Certificate | None = None  # what is proven of the classifier
    skip_calls: frozenset[str] = frozenset()  # where the local classifier answers in place of the model
    local_certificate: Certificate | None = None  # what is proven of it
    label_texts: LabelTexts = "hash"  # whether labels keep what the classifier read, or its keyed hash alone
    audit_share: float = 0.0  # of what runs without a person, how much somebody looks at afterwards
    error_budget: float = 0.25  # the share of an intent's decisions that may be wrong; 0: nobody counts
    approval_ttl_s: float = 72 * 3600.0
    retention_days: int = 90
    automatic: Mapping[str, entries.Allowance] = field(default_factory=dict)  # intent -> what may run without a person
    disabled_intents: frozenset[str] = frozenset()
    listens_to: frozenset[str] = frozenset()  # <source>:<voice> that may ask besides people: bot, staff, private_note
    approvers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # intent or "*" -> identities; empty: anyone
    intake_port: int = 8080
    console_port: int = 8081
    chat_port: int = 8082
    data_dir: str = ".switchyard"
    project: str = "switchyard-local"
    database: str = "(default)"  # of Firestore: another one after a restore, or of a second copy in one project
    topic_prefix: str = ""
    iap_audience: str = ""
    direct_callers: frozenset[str] = frozenset()  # service accounts that may POST / in the cloud
    direct_audience: str = ""
    notify_webhook: Webhook | None = None  # where people hear of what is new
    escalation_webhook: Webhook | None = None  # where they hear of approvals at the last moment
    zendesk_url: str = ""  # our help desk, for links back to tickets: its webhooks do not name their host
    console_url: str = ""  # where people reach the console, for links
    chats: Chats = field(default_factory=Chats)  # where people decide in a chat
    privacy_key: str = field(default="", repr=False)  # makes the keys that find a person's tasks
    privacy_officers: frozenset[str] = frozenset()  # who may export and erase what a person asked for
    promoters: frozenset[str] = frozenset()  # who may say which version of the router decides; empty: nobody, ever
    tracing: Tracing = Tracing()

    @property
    def names_something(self) -> bool:
        """Whether it names intents or sources, which have to be known."""
        return bool(
            self.approvers
            or self.automatic
            or self.disabled_intents
            or self.listens_to
            or self.certificate
            or self.local_certificate
        )

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
        gemini_model=_matching(env, "GEMINI_MODEL", _WORD, d.gemini_model, "a model's name"),
        gemini_api_endpoint=_matching(env, "GEMINI_API_ENDPOINT", _WORD, "", "a URL without spaces").rstrip("/"),
        vertex_project=_matching(env, "VERTEX_PROJECT", _PROJECT, "", "a project's id, not its name"),
        vertex_location=_matching(env, "VERTEX_LOCATION", _WORD, d.vertex_location, "a region, or global"),
        confidence_threshold=_number(env, "CONFIDENCE_THRESHOLD", d.confidence_threshold, 0.0, 1.0),
        max_concurrent_calls=int(_number(env, "MAX_CONCURRENT_CALLS", d.max_concurrent_calls, 1, 1000, whole=True)),
        coalesce=int(_number(env, "COALESCE", d.coalesce, 1, MOST_TOGETHER, whole=True)),
        model_timeout_s=_number(env, "MODEL_TIMEOUT_S", d.model_timeout_s, 0.1, 300),
        model_budget_s=_number(env, "MODEL_BUDGET_S", d.model_budget_s, 0, 86_400),
        limits=read_limits(env),
        certification=_choice(env, "CERTIFICATION", ("off", "required"), "off") == "required",
        certificate=_certificate(env, "CERTIFICATE"),
        skip_calls=_skips(env),
        local_certificate=_certificate(env, "LOCAL_CERTIFICATE"),
        label_texts=_choice(env, "LABEL_TEXTS", get_args(LabelTexts), d.label_texts),  # type: ignore[arg-type]
        audit_share=_number(env, "AUDIT_SHARE", d.audit_share, 0.0, 1.0),
        error_budget=_number(env, "ERROR_BUDGET", d.error_budget, 0.0, 1.0),
        approval_ttl_s=_number(env, "APPROVAL_TTL_S", d.approval_ttl_s, 1, 30 * 86_400),
        retention_days=_retention(env, d.retention_days),
        automatic=entries.allowances("AUTOMATIC", env.get("AUTOMATIC", "")),
        disabled_intents=entries.intents("DISABLED_INTENTS", env.get("DISABLED_INTENTS", "")),
        listens_to=entries.voices("LISTEN_TO", env.get("LISTEN_TO", "")),
        approvers=entries.people("APPROVERS", env.get("APPROVERS", "")),
        intake_port=int(_number(env, "INTAKE_URL_PORT", d.intake_port, 0, 65_535, whole=True)),
        console_port=int(_number(env, "CONSOLE_PORT", d.console_port, 0, 65_535, whole=True)),
        chat_port=int(_number(env, "CHAT_PORT", d.chat_port, 0, 65_535, whole=True)),
        data_dir=env.get("DATA_DIR") or d.data_dir,
        project=_matching(env, "GOOGLE_CLOUD_PROJECT", _PROJECT, d.project, "a project's id, not its name"),
        database=_matching(
            env, "FIRESTORE_DATABASE", _DATABASE, d.database, "(default), or a name of 4 to 63 a-z, 0-9, -"
        ),
        topic_prefix=_matching(env, "TOPIC_PREFIX", _TOPIC_PREFIX, "", "letters, digits and -._~+%, a letter first"),
        iap_audience=_matching(env, "IAP_AUDIENCE", _WORD, "", "such as /projects/1/global/backendServices/2"),
        direct_callers=entries.callers("DIRECT_CALLERS", env.get("DIRECT_CALLERS", "")),
        direct_audience=_matching(env, "DIRECT_AUDIENCE", _WORD, "", "such as https://intake.example.com"),
        notify_webhook=_webhook(env, "NOTIFY_WEBHOOK_URL"),
        escalation_webhook=_webhook(env, "ESCALATION_WEBHOOK_URL"),
        zendesk_url=_matching(env, "ZENDESK_URL", _SITE, "", "such as https://acme.zendesk.com").rstrip("/"),
        console_url=_matching(env, "CONSOLE_URL", _HOST, "", "http(s)://host").rstrip("/"),
        chats=read_chats(env),
        privacy_key=_secret(env, "PRIVACY_KEY"),
        privacy_officers=entries.officers("PRIVACY_OFFICERS", env.get("PRIVACY_OFFICERS", "")),
        promoters=entries.officers("PROMOTERS", env.get("PROMOTERS", "")),
        tracing=tracing_of(env),
    )


def page_url(settings: Settings) -> str:
    """Return where people reach the console; empty where nothing says so."""
    return settings.console_url or (f"http://127.0.0.1:{settings.console_port}" if settings.local else "")


def tracing_of(env: Mapping[str, str]) -> Tracing:
    """Return what is traced, and where it goes.

    Raises:
        SettingError: a variable cannot be used.
    """
    exporter = _choice(env, "TRACING", get_args(SpanExporter), "off")
    return Tracing(exporter, _number(env, "TRACING_RATIO", 1.0, 0.0, 1.0))  # type: ignore[arg-type]


def secrets_of(source: str, env: Mapping[str, str] | None = None) -> list[bytes]:
    """Return the active webhook secrets of a source: `<SOURCE>_WEBHOOK_SECRET`, two of them separated by a comma
    while one is being rotated.

    Raises:
        Misconfigured: none is set, or one is shorter than 16 bytes; the route answers 503 and never skips the check.
    """
    env = os.environ if env is None else env
    name = _variable(source, "WEBHOOK_SECRET")
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
    name = _variable(source, "FIELDS")
    text = env.get(name, "").strip()
    try:
        parse_fields(text)
    except ValueError as error:
        raise Misconfigured(f"{name}: {error}", code="bad_fields", field=name) from None
    return text


def _variable(source: str, suffix: str) -> str:
    """Return `MY_CRM_FIELDS` for my-crm and `MY__CRM_FIELDS` for my_crm: no two sources share one, nor a secret."""
    return f"{source.upper().replace('_', '__').replace('-', '_')}_{suffix}"


def _matching(env: Mapping[str, str], name: str, form: re.Pattern[str], default: str, wanted: str) -> str:
    value = env.get(name)
    if value and not form.fullmatch(value):
        raise SettingError(f"{name} is {value!r}; it must be {wanted}", field=name)
    return value or default


def _certificate(env: Mapping[str, str], name: str) -> Certificate | None:
    return parse(text, name) if (text := env.get(name)) else None


def _skips(env: Mapping[str, str]) -> frozenset[str]:
    found = entries.one_of("SKIP_CALLS", env.get("SKIP_CALLS", ""), get_args(Skip))
    if "certified" in found and not env.get("LOCAL_CERTIFICATE"):
        raise SettingError("SKIP_CALLS has 'certified', which needs LOCAL_CERTIFICATE", field="SKIP_CALLS")
    return found


def _retention(env: Mapping[str, str], default: int) -> int:
    try:
        return int(_number(env, "RETENTION_DAYS", default, MIN_RETENTION_DAYS, 3650, whole=True))
    except SettingError as error:
        why = "Pub/Sub keeps an unacknowledged message for 7 days, and a task has to outlive it"
        raise SettingError(f"{error.message}: {why}", field=error.field) from None


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


def _secret(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if value and len(value.encode()) < MIN_SECRET_BYTES:
        raise SettingError(f"{name} must have at least {MIN_SECRET_BYTES} bytes", field=name)
    return value
