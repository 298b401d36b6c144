"""Lifts its own limits, then takes memory."""

import resource

for name in ("AS", "CPU", "FSIZE", "NOFILE", "NPROC"):
    try:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        continue
held = []
while True:
    held.append(bytearray(64 << 20))
