"""Takes memory that belongs to no process: System V segments, message queues, files in memory of many children."""

import ctypes
import os

libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
for _ in range(100):
    segment = libc.shmget(0, 256 << 20, 0o1600)
    if segment < 0:
        break
    address = libc.shmat(segment, None, 0)
    ctypes.memset(address, 1, 256 << 20)
    libc.shmdt(ctypes.c_void_p(address))
for _ in range(30):
    if os.fork() == 0:
        held = []
        while True:
            try:
                held.append(os.memfd_create("x"))
                os.write(held[-1], b"x" * (16 << 20))
            except OSError:
                continue
