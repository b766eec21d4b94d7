"""A local server that plays Stripe, Auth0, the shop and Slack over HTTP: faults on demand, a ledger of effects."""
