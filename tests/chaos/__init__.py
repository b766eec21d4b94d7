"""Real processes killed, stopped and cut off while tasks come in; then every task is held against the ledger."""
