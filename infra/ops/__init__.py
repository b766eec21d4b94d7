"""`python -m infra.ops`: look at tasks, decide and repair from a terminal, through the console's JSON API."""
