"""One folder per intent: `intent.py` says what it is, `main.py` what it does. A new folder is a new intent."""
