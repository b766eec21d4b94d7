"""The command `switchyard` as people and their shells meet it."""
