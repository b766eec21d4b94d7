"""What people's decisions prove of a classifier: exported labels in, a certificate for review out; `make calibrate`."""
