"""`switchyard`: the one command at a terminal; it leads to the modules that do the work."""
