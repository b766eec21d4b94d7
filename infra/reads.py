"""Which environment variables each step reads; the names are those of `shared.settings`."""

from __future__ import annotations

from functions.notify.answers import SLACK
from shared.wiring.chats import GOOGLE_CHAT as GOOGLE_CARDS
from shared.wiring.chats import SLACK as SLACK_CARDS
from shared.wiring.people import DIRECTORIES

# What each step reads of `shared.settings`; the backend, the project, its places and tracing are every function's.
PROJECT = "GOOGLE_CLOUD_PROJECT"
PLACES = ("FIRESTORE_DATABASE", "TOPIC_PREFIX")  # where documents are, and how topics are called
TRACED = ("TRACING", "TRACING_RATIO")
DECIDES = ("APPROVERS", "AUTOMATIC", "DISABLED_INTENTS", "LABEL_TEXTS")
CREATES = ("APPROVAL_TTL_S", "RETENTION_DAYS", "ZENDESK_URL")
MODEL = ("CLASSIFIER", "GEMINI_API_ENDPOINT", "GEMINI_MODEL", "SKIP_CALLS", "VERTEX_LOCATION", "VERTEX_PROJECT")
MODEL_CALLS = ("COALESCE", "MAX_CONCURRENT_CALLS", "MODEL_BUDGET_S", "MODEL_TIMEOUT_S")
MODEL_LIMITS = (
    "ANSWER_CACHE_S",
    "MODEL_IN_PLACE",
    "MODEL_REQUESTS_A_MINUTE",
    "MODEL_TOKENS_A_DAY",
    "MODEL_TOKENS_A_MINUTE",
)
# Who may change the router: where they do it, and where its versions are looked for only if anybody may.
PROMOTES = ("PROMOTERS",)
ROUTES = (*PROMOTES, "CERTIFICATION", "CLASSIFIER")  # what a version has to fit, and whether it begins on probation
PROVEN = ("CERTIFICATE", "CERTIFICATION", "CONFIDENCE_THRESHOLD", "LOCAL_CERTIFICATE")
CONSOLE = ("IAP_AUDIENCE", "PRIVACY_OFFICERS", "RETENTION_DAYS", *PROVEN)  # what decides is shown there, and tried
GATE = ("AUDIT_SHARE", "AUTOMATIC", "DISABLED_INTENTS", "ERROR_BUDGET", *PROVEN)
EXECUTES = ("APPROVAL_TTL_S", "DISABLED_INTENTS", "MAX_CONCURRENT_CALLS", *PROVEN)
WATCHES = ("CERTIFICATE", "ERROR_BUDGET")  # what `sweep` holds the last day against
# One secret per source that a deployment takes webhooks of, named as `shared.settings.secrets_of` does.
WEBHOOK_SECRET = "<SOURCE>_WEBHOOK_SECRET"  # noqa: S105
SOURCE_FIELDS = "<SOURCE>_FIELDS"  # likewise, of those that have a map of fields
# Where `classify` looks people's addresses up, and the keys for it; of sources that a deployment does not take, unset.
USERS_URLS = tuple(directory.variable("API_URL") for directory, _ in DIRECTORIES.values())
USERS_KEYS = tuple(directory.variable("API_KEY") for directory, _ in DIRECTORIES.values())
# Where tasks are shown with buttons: whoever posts the cards, and whoever answers a press.
CHATS = (
    "GOOGLE_CHAT_APPROVALS_AUDIENCE",
    "GOOGLE_CHAT_APPROVALS_CALLER",
    "GOOGLE_CHAT_APPROVALS_SPACE",
    "SLACK_APPROVALS_CHANNEL",
)
CHATS_URLS = (SLACK_CARDS.variable("API_URL"), GOOGLE_CARDS.variable("API_URL"))
CHATS_KEY = SLACK_CARDS.variable("API_KEY")
CHATS_SECRET = "SLACK_APPROVALS_WEBHOOK_SECRET"  # noqa: S105
ANSWERS_URL = SLACK.variable("API_URL")  # where `notify` answers whoever asked in Slack
NOTIFIES = ("CONSOLE_URL", ANSWERS_URL, *CHATS, *CHATS_URLS)
# Of addresses that are no handler's.
DEFAULTS = dict.fromkeys((*USERS_URLS, "ZENDESK_URL"), "") | {
    p.variable("API_URL"): p.url for p in (SLACK, SLACK_CARDS, GOOGLE_CARDS)
}
# Makes the keys that find a person's tasks: where tasks are made, and where people look for them.
PRIVACY_KEY = "PRIVACY_KEY"
WEBHOOKS = ("ESCALATION_WEBHOOK_URL", "NOTIFY_WEBHOOK_URL")
