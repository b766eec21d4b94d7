"""The world: ports, the adapters that implement them, the clients of providers, and the one place that chooses. All
I/O of the library is here. Touch it when an outside system changes; steps see only `ports` and `composition`.
"""
