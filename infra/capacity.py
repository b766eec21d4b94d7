"""What an instance's memory holds, and how many of the largest messages at once follow from it."""

from __future__ import annotations

MEMORY_MIB = 512
# 85 MiB with Google's libraries imported; the rest is for connections and caches.
PROCESS_MIB = 160
# A request whose body comes in: `MAX_ENVELOPE_BYTES`. What is kept of it while the store is asked is less.
BODY_MIB = 16
# Parsing or parking never awaits, so that one message at a time is decoded, or is a tree.
PARSING_MIB = 96

# Anybody who may publish on `events` may send messages of 10 MB, one upon another.
LARGE_REQUESTS = (MEMORY_MIB - PROCESS_MIB - PARSING_MIB) // BODY_MIB

# Deliveries of an intent's message: as many as Pub/Sub allows, some 16 hours of them. It also counts what Cloud Run
# turned away at an executor's limit of instances, of which `exec.attempts`, the real cap, knows nothing: fewer would
# end tasks that never ran, in a burst that takes longer. The limit itself is aimed at, not kept: Cloud Run starts more
# instances for some minutes when it moves load, and while a revision takes over each has the limit
# (cloud.google.com/run/docs/about-instance-autoscaling). No effect rests on it.
MOST_ATTEMPTS = 100
