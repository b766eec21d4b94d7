"""How right a classifier is: labelled tickets and a setting in, figures with their uncertainty out; `make eval`."""
