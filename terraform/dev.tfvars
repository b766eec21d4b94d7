# One code, two variable files: what differs between the environments is all here.

project_id   = "switchyard-dev"
region       = "europe-west1"
labels       = { environment = "dev" }
protect_data = false # may be destroyed with everything in it

# Wherever Google has room: a region keeps tickets inside it, if it serves the model.
model = { location = "global" }

sources           = ["canary"]
disabled_intents  = ["cancel_order", "change_address", "password_reset", "refund_request", "ticket_summary"]
provider_settings = { SHOP_API_URL = "https://shop-dev.acme.test" }
