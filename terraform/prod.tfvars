# One code, two variable files: what differs between the environments is all here.

project_id = "switchyard-prod"
region     = "europe-west1"
labels     = { environment = "prod" }

# Wherever Google has room: a region keeps tickets inside it, if it serves the model.
model = { location = "global" }

sources       = ["canary", "zendesk", "slack", "stripe"]
automatic     = { refund_request = "50.00 USD", password_reset = null }
approvers     = { "*" = ["ops@acme.test"], refund_request = ["finance@acme.test"] }
min_instances = { intake = 1 }

privacy_officers = ["privacy@acme.test"]

provider_settings = {
  AUTH0_API_URL   = "https://acme.eu.auth0.com"
  AUTH0_CLIENT_ID = "switchyard"
  SHOP_API_URL    = "https://api.shop.acme.test"
}

console = {
  members              = ["group:ops@acme.test"]
  programmatic_clients = ["000000000000-terminal.apps.googleusercontent.com"]
  canary               = "deploy@switchyard-prod.iam.gserviceaccount.com"
}

chat_approvals = { slack_channel = "C0123456789" }
chat_webhooks  = ["ESCALATION_WEBHOOK_URL", "NOTIFY_WEBHOOK_URL"]

alert_emails = ["oncall@acme.test"]
budget       = { billing_account = "000000-000000-000000", amount = 200 }

dollars_per_million_tokens = 0.2

tracing_ratio = 0.1
