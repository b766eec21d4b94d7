"""The world: settings flow in, ports flow out: store, bus, model and providers behind protocols, their adapters, and the
one place that chooses among them. All I/O of the library is here. Touch it when an outside system changes; steps see
only `ports` and `composition`.
"""
