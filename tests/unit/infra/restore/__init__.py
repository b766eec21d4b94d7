"""Restoring a database: what is checked, and what gcloud is asked."""
