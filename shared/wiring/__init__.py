"""The world: settings flow in, ports flow out: store, bus, model, providers behind protocols, and the one place that
chooses their adapters. All I/O of the library is here. Touch it when an outside system changes; steps see only `ports`
and `composition`.
"""
