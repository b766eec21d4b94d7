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
