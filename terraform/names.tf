# What everything is called. A second copy in one project has a prefix, and shares nothing with the first but the project's
# APIs, agents and builder of images.

locals {
  prefix        = var.prefix == null ? "" : "${var.prefix}-"
  secret_prefix = var.prefix == null ? "" : "${upper(var.prefix)}_"
  suffix        = var.prefix == null ? "" : "_${var.prefix}" # where no hyphen may be
  longest_id    = 30                                         # of an account

  database_made = coalesce(var.prefix, "(default)")
  database      = coalesce(var.database, local.database_made)

  # As in the manifest, with the names of this copy; ids that are too long end in a hash.
  named = {
    for name, f in local.functions : name => merge(f, {
      name    = "${local.prefix}${name}"
      account = local.ids[f.account]
      caller  = local.ids[f.caller]
    })
  }
  ids = {
    for id in flatten([for f in local.functions : [f.account, f.caller]]) : id =>
    length("${local.prefix}${id}") <= local.longest_id ? "${local.prefix}${id}" : "${substr("${local.prefix}${id}", 0, 23)}-${substr(sha256("${local.prefix}${id}"), 0, 6)}"
  }
}
