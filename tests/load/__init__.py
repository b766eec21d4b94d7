"""Everything at once: a backlog, a model over quota, and one handler that always raises."""
