"""The state machine: a record, what happened and the store's time flow in, the next record flows out. Pure, every arrow
one function; what crosses the bus or lies in the store is declared in `schemas`. Touch it with care: the
simulation and its mutations hold every guard.
"""
