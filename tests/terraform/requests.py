"""A planned resource as the body of the request that the provider will send: what is not known yet is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.terraform.discovery import Schema, document
from tests.terraform.workspace import Change

BUDGET = "GoogleCloudBillingBudgetsV1Budget"
# API and message of each type.
MESSAGES = {
    "google_billing_budget": ("billingbudgets.v1", BUDGET),
    "google_cloud_scheduler_job": ("cloudscheduler.v1", "Job"),
    "google_cloud_run_v2_service": ("run.v2", "GoogleCloudRunV2Service"),
    "google_cloudfunctions2_function": ("cloudfunctions.v2", "Function"),
    "google_firestore_backup_schedule": ("firestore.v1", "GoogleFirestoreAdminV1BackupSchedule"),
    "google_firestore_database": ("firestore.v1", "GoogleFirestoreAdminV1Database"),
    "google_firestore_index": ("firestore.v1", "GoogleFirestoreAdminV1Index"),
    "google_iap_settings": ("iap.v1", "IapSettings"),
    "google_logging_metric": ("logging.v2", "LogMetric"),
    "google_monitoring_alert_policy": ("monitoring.v3", "AlertPolicy"),
    "google_monitoring_notification_channel": ("monitoring.v3", "NotificationChannel"),
    "google_project_iam_custom_role": ("iam.v1", "Role"),
    "google_pubsub_subscription": ("pubsub.v1", "Subscription"),
    "google_pubsub_topic": ("pubsub.v1", "Topic"),
    "google_service_account": ("iam.v1", "ServiceAccount"),
}
# What a plan has only where it is asked for.
OPTIONAL = {
    "google_compute_address": ("compute.v1", "Address"),
    "google_compute_network": ("compute.v1", "Network"),
    "google_compute_router": ("compute.v1", "Router"),
    "google_compute_router_nat": ("compute.v1", "RouterNat"),
    "google_compute_subnetwork": ("compute.v1", "Subnetwork"),
    "google_project_iam_audit_config": ("cloudresourcemanager.v1", "AuditConfig"),
}
# Of the provider alone, or a part of the URL.
OWN = {"timeouts", "deletion_policy", "project", "location", "region", "force_delete", "sensitive_labels", "skip_wait"}
OWN |= {"deletion_protection", "collection", "database", "account_id", "create_ignore_already_exists", "role_id"}
OWN |= {"billing_account", "router"}
RENAMED = {"all_updates_rule": "notificationsRule", "permissions": "includedPermissions"}


def request(change: Change) -> tuple[str, str, dict[str, Any]] | None:
    """Return API, message and body of a resource that is made; None for types that are not looked at."""
    if change.after is None:
        return None
    if change.type.endswith("_iam_member"):
        after = {name: change.after.get(name) for name in ("role", "condition")}
        body = after | {"members": [m for m in [change.after.get("member")] if m]}
        return "run.v2", "GoogleIamV1Binding", _body("run.v2", "GoogleIamV1Binding", body)
    if change.type not in MESSAGES | OPTIONAL:
        return None
    api, message = (MESSAGES | OPTIONAL)[change.type]
    return api, message, _body(api, message, {n: v for n, v in change.after.items() if n not in OWN})


def _body(api: str, message: str, block: Mapping[str, Any]) -> dict[str, Any]:
    fields = document(api)["schemas"][message].get("properties", {})
    body = {}
    for name, value in block.items():
        field = RENAMED.get(name) or _camel(name)
        field += "s" * (field not in fields and f"{field}s" in fields)  # a block for each of a list
        if value not in (None, "", [], [None], {"ttl": ""}, [{"ttl": ""}]):  # a ttl of "" is Terraform's word for never
            body[field] = _field(api, fields.get(field, {}), value)
    return body


def _field(api: str, schema: Schema, value: Any) -> Any:
    """Return a value as the API has it: a block that there may be one of is a list in Terraform."""
    if schema.get("type") == "array":
        return [_field(api, schema["items"], item) for item in value]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if "$ref" in schema and isinstance(value, dict):
        return _body(api, schema["$ref"], value)
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
