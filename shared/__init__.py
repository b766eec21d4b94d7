"""The library that every function imports; it ships in every bundle and imports no function."""
