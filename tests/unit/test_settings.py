"""The environment is read strictly: a wrong value stops the start and names its variable."""

from __future__ import annotations

import pytest

from shared.errors import Misconfigured, SettingError
from shared.limits import Limits
from shared.settings import Settings, fields_of, load, secrets_of
from shared.wiring.providers import provider_settings
from tests.world import REGISTRY


def test_nothing_set_is_the_embedded_backend_without_keys() -> None:
    settings = load({})
    assert settings == Settings()
    assert (settings.backend, settings.classifier, settings.local) == ("embedded", "local", True)
    assert (settings.confidence_threshold, settings.max_concurrent_calls) == (0.8, 10)


def test_every_variable_is_read() -> None:
    settings = load(
        {
            "BACKEND": "gcp",
            "CLASSIFIER": "genai",
            "GEMINI_API_KEY": "k",
            "GEMINI_MODEL": "m",
            "GEMINI_API_ENDPOINT": "http://127.0.0.1:9/",
            "CONFIDENCE_THRESHOLD": "0.9",
            "MAX_CONCURRENT_CALLS": "3",
            "COALESCE": "20",
            "AUTOMATIC": "refund_request<=50.00 USD|5800 JPY, gift_card<=5000, password_reset",
            "DISABLED_INTENTS": "order_status",
            "APPROVERS": "refund_request=a@x.com|b@x.com,*=lead@x.com",
            "INTAKE_URL_PORT": "1",
            "CONSOLE_PORT": "2",
            "FIRESTORE_DATABASE": "restored-1130",
            "TOPIC_PREFIX": "staging-",
            "DIRECT_CALLERS": "a@x.iam.gserviceaccount.com,7-compute@developer.gserviceaccount.com",
            "RETENTION_DAYS": "8",
            "APPROVAL_TTL_S": "60",
            "MODEL_BUDGET_S": "0",
            "MODEL_TIMEOUT_S": "2.5",
            "MODEL_REQUESTS_A_MINUTE": "60",
            "MODEL_TOKENS_A_MINUTE": "90000",
            "MODEL_TOKENS_A_DAY": "5000000",
            "MODEL_IN_PLACE": "local",
            "ANSWER_CACHE_S": "0",
            "PRIVACY_KEY": "k" * 32,
            "PRIVACY_OFFICERS": "dpo@x.com, b@x.com",
            "PROMOTERS": "ml@x.com",
        }
    )
    assert settings.local is False
    assert settings.gemini_api_endpoint == "http://127.0.0.1:9"
    assert settings.automatic == {
        "refund_request": {"USD": 5000, "JPY": 5800},
        "gift_card": 5000,
        "password_reset": None,
    }
    assert settings.approvers == {"refund_request": {"a@x.com", "b@x.com"}, "*": {"lead@x.com"}}
    assert (settings.intake_port, settings.console_port, settings.topic_prefix) == (1, 2, "staging-")
    assert settings.database == "restored-1130"
    assert settings.direct_callers == {"a@x.iam.gserviceaccount.com", "7-compute@developer.gserviceaccount.com"}
    assert settings.disabled_intents == frozenset({"order_status"})
    assert settings.privacy_key == "k" * 32
    assert settings.privacy_officers == {"dpo@x.com", "b@x.com"}
    assert settings.promoters == {"ml@x.com"}
    assert (settings.max_concurrent_calls, settings.coalesce) == (3, 20)
    assert settings.limits == Limits(60, 90_000, 5_000_000, "local", 0)
    assert (settings.retention_days, settings.approval_ttl_s, settings.model_budget_s) == (8, 60, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND", "aws"),
        ("BACKEND", "GCP"),
        ("CLASSIFIER", "gpt"),
        ("CONFIDENCE_THRESHOLD", "nan"),
        ("CONFIDENCE_THRESHOLD", "1.1"),
        ("CONFIDENCE_THRESHOLD", "-0.1"),
        ("CONFIDENCE_THRESHOLD", "inf"),
        ("CONFIDENCE_THRESHOLD", "high"),
        ("MAX_CONCURRENT_CALLS", "0"),
        ("MAX_CONCURRENT_CALLS", "2.5"),
        ("MAX_CONCURRENT_CALLS", "1e3"),
        ("COALESCE", "0"),
        ("COALESCE", "21"),
        ("MODEL_REQUESTS_A_MINUTE", "-1"),
        ("MODEL_TOKENS_A_MINUTE", "1.5"),
        ("MODEL_TOKENS_A_DAY", "many"),
        ("MODEL_IN_PLACE", "nobody"),
        ("ANSWER_CACHE_S", "86401"),
        ("INTAKE_URL_PORT", "65536"),
        ("CONSOLE_PORT", "-1"),
        ("RETENTION_DAYS", "7"),
        ("RETENTION_DAYS", "0"),
        ("APPROVAL_TTL_S", "0"),
        ("PRIVACY_KEY", "too short"),
    ],
)
def test_value_that_cannot_be_used_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError) as error:
        load({name: value})
    assert error.value.field == name
    assert name in error.value.message


def test_retention_that_a_late_message_could_outlive_is_refused_with_the_reason() -> None:
    with pytest.raises(SettingError, match=r"from 8 to 3650: Pub/Sub keeps an unacknowledged message for 7 days"):
        load({"RETENTION_DAYS": "7"})


PEOPLE = "each entry must be intent=person@example.com|other@example.com"
NAME = "is no name of an intent: small letters, digits and _, as its folder"
CEILING = (
    "a ceiling is written refund_request<=50.00 USD, or one for each currency, refund_request<=50.00 USD|45.00 EUR"
)
VOICE = "each entry must be source:bot, source:staff or source:private_note"
ACCOUNT = "each entry must be a service account such as crm@project.iam.gserviceaccount.com"
STORED = "it must be (default), or a name of 4 to 63 a-z, 0-9, -"
PREFIX = "it must be letters, digits and -._~+%, a letter first"
TWICE = "it stands there twice"


def entry(name: str, value: str, said: str) -> tuple[str, str, str]:
    """Return the case of a list with one entry, which the message quotes whole."""
    return name, value, f"has '{value}'; {said}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        entry("APPROVERS", "refund_request", PEOPLE),
        entry("APPROVERS", "*=", PEOPLE),
        entry("APPROVERS", "*=*", PEOPLE),
        entry("APPROVERS", "*=lead", PEOPLE),
        entry("APPROVERS", "*=user:a@x.com", PEOPLE),
        entry("APPROVERS", "*=a@x.com b@x.com", PEOPLE),
        entry("APPROVERS", "*=a@x.com|", PEOPLE),
        entry("APPROVERS", "*=a@x.com;cancel_order=b@x.com", PEOPLE),
        entry("APPROVERS", "*=a@x.com|A@X.com", "it names one person twice"),
        ("APPROVERS", "*=a@x.com,*=b@x.com", "has two entries for '*'; keep one"),
        ("APPROVERS", "*=a@x.com,*=a@x.com", f"has '*=a@x.com'; {TWICE}"),
        entry("APPROVERS", "=a@x.com", f"'' {NAME}"),
        entry("APPROVERS", "refund-request=a@x.com", f"'refund-request' {NAME}"),
        entry("APPROVERS", "refund_request =a@x.com", f"'refund_request ' {NAME}"),
        (
            "APPROVERS",
            "refund_request=a@x.com,refund_request=b@x.com",
            "has two entries for 'refund_request'; keep one",
        ),
        ("AUTOMATIC", "refund_request<=5000,refund_request<=500000", "has two entries for 'refund_request'; keep one"),
        ("AUTOMATIC", "refund_request<=50.00 USD,refund_request", "has two entries for 'refund_request'; keep one"),
        ("AUTOMATIC", "password_reset,password_reset", f"has 'password_reset'; {TWICE}"),
        entry("AUTOMATIC", "refund_request<5000", f"'refund_request<5000' {NAME}"),
        entry("AUTOMATIC", "refund_request=5000", f"'refund_request=5000' {NAME}"),
        entry("AUTOMATIC", "Refund_request<=5000", f"'Refund_request' {NAME}"),
        entry("AUTOMATIC", "refund_request<=50.00", CEILING),
        entry("AUTOMATIC", "refund_request<=-1", CEILING),
        entry("AUTOMATIC", "refund_request<=", CEILING),
        entry("AUTOMATIC", "refund_request<=50.00 XYZ", CEILING),
        entry("AUTOMATIC", "refund_request<=50.0 USD", CEILING),
        entry("AUTOMATIC", "refund_request<=5 USD|6 USD", CEILING),
        ("AUTOMATIC", "refund_request<=1,000.00 USD", f"has '000.00 USD'; '000.00 USD' {NAME}"),
        entry("DISABLED_INTENTS", "refund-request", f"'refund-request' {NAME}"),
        ("DISABLED_INTENTS", "refund_request cancel_order", f"'refund_request cancel_order' {NAME}"),
        ("DISABLED_INTENTS", "cancel_order,cancel_order", f"has 'cancel_order'; {TWICE}"),
        entry("LISTEN_TO", "github", VOICE),
        entry("LISTEN_TO", "github:robot", VOICE),
        ("LISTEN_TO", "github:bot,github:bot", f"has 'github:bot'; {TWICE}"),
        entry("DIRECT_CALLERS", "crm@example.com", ACCOUNT),
        ("DIRECT_CALLERS", "serviceAccount:crm@p.iam.gserviceaccount.com", f"{ACCOUNT}"),
        ("DIRECT_CALLERS", "crm@p.iam.gserviceaccount.com.example.com", f"{ACCOUNT}"),
        ("TOPIC_PREFIX", "9-", f"is '9-'; {PREFIX}"),
        ("TOPIC_PREFIX", "my topic", f"is 'my topic'; {PREFIX}"),
        ("TOPIC_PREFIX", "google-", f"is 'google-'; {PREFIX}"),
        ("FIRESTORE_DATABASE", "(other)", f"is '(other)'; {STORED}"),
        ("FIRESTORE_DATABASE", "new", f"is 'new'; {STORED}"),
        ("FIRESTORE_DATABASE", "Restored", f"is 'Restored'; {STORED}"),
        ("GOOGLE_CLOUD_PROJECT", "My project", "is 'My project'; it must be a project's id, not its name"),
        ("VERTEX_PROJECT", "p ", "is 'p '; it must be a project's id, not its name"),
        ("GEMINI_MODEL", "gemini 3", "is 'gemini 3'; it must be a model's name"),
        ("VERTEX_LOCATION", "europe west1", "is 'europe west1'; it must be a region, or global"),
        ("GEMINI_API_ENDPOINT", "http://x /", "is 'http://x /'; it must be a URL without spaces"),
        ("IAP_AUDIENCE", "/a /b", "is '/a /b'; it must be such as /projects/1/global/backendServices/2"),
        ("SKIP_CALLS", "all", "has 'all'; each entry must be one of no_parameter, certified, agreeing"),
        ("SKIP_CALLS", "no_parameter,no_parameter", f"has 'no_parameter'; {TWICE}"),
        ("SKIP_CALLS", "certified", "has 'certified', which needs LOCAL_CERTIFICATE"),
        ("CERTIFICATION", "on", "is 'on'; it must be one of off, required"),
        ("DIRECT_AUDIENCE", "a\n", "is 'a\\n'; it must be such as https://intake.example.com"),
    ],
)
def test_list_or_word_that_cannot_be_meant_is_refused_in_so_many_words(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError) as error:
        load({name: value})
    assert error.value.field == name
    assert error.value.message.startswith(f"{name} ")
    assert error.value.message.endswith(said)


def test_empty_variable_is_an_unset_one() -> None:
    assert (
        load(dict.fromkeys(("BACKEND", "CLASSIFIER", "CONFIDENCE_THRESHOLD", "AUTOMATIC", "APPROVERS"), ""))
        == Settings()
    )


def test_keys_are_not_shown() -> None:
    assert "s3cret" not in repr(load({"GEMINI_API_KEY": "s3cret", "PRIVACY_KEY": "s3cret" * 6}))


def test_two_secrets_are_active_while_one_is_rotated() -> None:
    env = {"ZENDESK_WEBHOOK_SECRET": "0123456789abcdef, fedcba9876543210"}
    assert secrets_of("zendesk", env) == [b"0123456789abcdef", b"fedcba9876543210"]
    assert secrets_of("my-crm", {"MY_CRM_WEBHOOK_SECRET": "x" * 16}) == [b"x" * 16]


def test_no_two_sources_share_a_secret_or_a_map_of_fields() -> None:
    env = {"MY_CRM_WEBHOOK_SECRET": "x" * 16, "MY_CRM_FIELDS": "words=/text"}
    assert fields_of("my-crm", env) == "words=/text"
    with pytest.raises(Misconfigured) as refused:
        secrets_of("my_crm", env)
    assert refused.value.message == "MY__CRM_WEBHOOK_SECRET is not set; my_crm webhooks are refused until it is"
    assert fields_of("my_crm", env) == ""


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "secret_missing"),
        ("", "secret_missing"),
        (" , ", "secret_missing"),
        ("short", "secret_too_short"),
        ("0123456789abcdef,short", "secret_too_short"),
    ],
)
def test_missing_or_short_secret_is_refused_and_never_skipped(value: str | None, code: str) -> None:
    env = {} if value is None else {"STRIPE_WEBHOOK_SECRET": value}
    with pytest.raises(Misconfigured) as error:
        secrets_of("stripe", env)
    assert error.value.code == code


def test_provider_is_found_through_variables_that_its_declaration_derives() -> None:
    slack = REGISTRY["ticket_summary"].provider
    assert provider_settings(slack, {}).options == {"channel": "#ops-summaries"}
    found = provider_settings(slack, {"SLACK_API_URL": "http://x", "SLACK_API_KEY": "k3y", "SLACK_CHANNEL": "#a"})
    assert (found.url, found.token, found.options) == ("http://x", "k3y", {"channel": "#a"})
    assert "k3y" not in repr(found)


def test_provider_that_takes_no_key_is_shown_none() -> None:
    assert provider_settings(REGISTRY["password_reset"].provider, {"AUTH0_API_KEY": "k3y"}).token == ""


@pytest.mark.parametrize(
    ("url", "format"),
    [
        ("https://hooks.slack.com/services/T0/B0/x\n", "slack"),
        ("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", "google_chat"),
    ],
)
@pytest.mark.parametrize("name", ["NOTIFY_WEBHOOK_URL", "ESCALATION_WEBHOOK_URL"])
def test_webhook_is_told_by_its_host_and_not_shown(name: str, url: str, format: str) -> None:
    settings = load({name: url, "BACKEND": "gcp"})
    webhooks = {"NOTIFY_WEBHOOK_URL": settings.notify_webhook, "ESCALATION_WEBHOOK_URL": settings.escalation_webhook}
    webhook = webhooks.pop(name)
    assert webhook is not None
    assert (webhook.format, webhook.url) == (format, url.strip())
    assert list(webhooks.values()) == [None]
    assert url.strip() not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "hooks.slack.com/services/s3cret",
        "http://hooks.slack.com/services/s3cret",
        "https://hooks.slack.com/",
        "https://hooks.slack.com",
        "https://hooks.slack.com.example.com/s3cret",
        "https://example.com/s3cret",
        "https://hooks.slack.com@example.com/s3cret",
        "https://u:s3cret@hooks.slack.com/x",
        "https://hooks.slack.com:8443/s3cret",
        "https://hooks.slack.com:x/s3cret",
        "https://[::1/s3cret",
        "http://127.0.0.1:9/s3cret",
        "file:///hooks.slack.com/s3cret",
    ],
)
@pytest.mark.parametrize("env", [{}, {"BACKEND": "gcp", "NOTIFY_FORMAT": "slack"}])
def test_other_webhooks_are_refused_without_showing_them(url: str, env: dict[str, str]) -> None:
    with pytest.raises(SettingError) as error:
        load({"NOTIFY_WEBHOOK_URL": url, **env})
    assert error.value.field == "NOTIFY_WEBHOOK_URL"
    assert "s3cret" not in error.value.message


@pytest.mark.parametrize("format", ["slack", "google_chat"])
def test_webhook_of_this_machine_needs_its_format_said(format: str) -> None:
    url = "http://127.0.0.1:9/hook"
    webhook = load({"NOTIFY_WEBHOOK_URL": url, "NOTIFY_FORMAT": format}).notify_webhook
    assert webhook is not None
    assert (webhook.format, webhook.url) == (format, url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY_FORMAT", "teams"),
        ("CONSOLE_URL", "ops.example.com"),
        ("CONSOLE_URL", "javascript:alert(1)"),
        ("CONSOLE_URL", "https://ops.example.com/x?y"),
        ("CONSOLE_URL", "https://ops.example.com/<!channel>"),
        ("ZENDESK_URL", "http://acme.zendesk.com"),
    ],
)
def test_link_or_format_that_cannot_be_used_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError) as error:
        load({name: value})
    assert error.value.field == name


def test_console_url_is_kept_without_its_last_slash() -> None:
    assert load({"CONSOLE_URL": "https://ops.example.com/"}).console_url == "https://ops.example.com"


@pytest.mark.parametrize("backend", [{}, {"BACKEND": ""}, {"BACKEND": "embedded"}, {"BACKEND": "emulators"}])
def test_cloud_runs_with_no_backend_of_a_developer(backend: dict[str, str]) -> None:
    with pytest.raises(SettingError) as refused:
        load({"K_SERVICE": "console", **backend})
    assert refused.value.field == "BACKEND"
    assert not load({"K_SERVICE": "console", "BACKEND": "gcp"}).local
