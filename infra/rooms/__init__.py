"""The rooms of this code and the arrows between them, read from its imports: a table, and the picture in the README."""
