"""Switchyard beside what people use instead: the same tickets, the same model server, one machine, in turns."""
