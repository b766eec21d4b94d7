"""A local server that plays Stripe, Auth0, the shop, Slack and anybody else: faults on demand, a ledger of effects."""
