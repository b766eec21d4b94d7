"""A database of an earlier time, put in another's place: made, held still, checked; then the functions move over."""
