"""Hostile input for the deployed functions: `python -m tests.fuzz` runs for long, the tests here run a slice of it."""
