"""Ids of our own making."""

import os
import time
import uuid


def new_id() -> str:
    """A UUIDv7 as text (RFC 9562): sortable by the millisecond it was made in."""
    stamp = time.time_ns() // 1_000_000 & (1 << 48) - 1
    tail = int.from_bytes(os.urandom(10), "big")
    value = stamp << 80 | 7 << 76 | (tail >> 68) << 64 | 2 << 62 | tail & (1 << 62) - 1
    return str(uuid.UUID(int=value))
