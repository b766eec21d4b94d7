# What sources and people reach, as Cloud Run services of images: intake and chat by anybody, the console by whom the
# proxy lets in.
# They come last, for they write what all others read, and take traffic once their new revision was tested.
module "service" {
  source   = "./modules/service"
  for_each = local.services

  function      = local.named[each.key]
  image         = lookup(var.images, each.key, null)
  serving       = lookup(var.serving, each.key, null)
  environment   = local.environment_of[each.key]
  secrets       = local.versions_of[each.key]
  min_instances = lookup(var.min_instances, each.key, 0)
  platform      = local.platform[each.key]

  # Webhooks carry no Google identity: intake checks every sender's signature itself, and can do nothing but publish; chat,
  # for whom the chat's signature names, to decide. No grant to allUsers says so, which organisations refuse
  # (cloud.google.com/run/docs/authenticating/public).
  public = contains(["chat", "intake"], each.key)
  iap    = each.key == "console" ? local.proxy : null

  depends_on = [module.intake]
}

locals {
  proxy = var.console == null ? null : {
    agent                = local.iap_agent
    members              = setunion(var.console.members, [for account in var.console.canary[*] : "serviceAccount:${account}"])
    programmatic_clients = var.console.programmatic_clients
    project_number       = local.project_number
  }

  # Known before the services are: what they are told of each other must not depend on them.
  url_of = { for name in keys(local.services) : name => "https://${local.prefix}${name}-${local.project_number}.${var.region}.run.app" }

  # For whom the proxy signs (cloud.google.com/iap/docs/signed-headers-howto).
  iap_audience = "/projects/${local.project_number}/locations/${var.region}/services/${local.prefix}console"
}
