"""Fills memory through files in /dev/shm, /tmp, home, and files without a name."""

import os

held = []
for number in range(10**6):
    for folder in ("/dev/shm", "/tmp", os.path.expanduser("~"), "."):
        try:
            with open(f"{folder}/{number}", "wb") as file:
                file.write(b"x" * (8 << 20))
        except OSError:
            continue
    try:
        held.append(os.memfd_create(str(number)))
        os.write(held[-1], b"x" * (8 << 20))
    except OSError:
        if number > 200:
            break
