"""What is deployed: one folder, one function, one `main.py`."""
