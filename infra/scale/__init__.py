"""What a deployment bears, on paper: how many tasks an hour until something is full, and how long a backlog takes."""
