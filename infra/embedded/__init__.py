"""Pub/Sub and Firestore in one process and one SQLite file, with their semantics."""
