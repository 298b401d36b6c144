"""Takes memory in many processes, each within its own limit."""

import os
import time

for _ in range(24):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 20)) * 700
        time.sleep(10**6)
time.sleep(10**6)
