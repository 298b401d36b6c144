"""Starts threads without end."""

import threading
import time

while True:
    try:
        threading.Thread(target=time.sleep, args=(10**6,)).start()
    except RuntimeError:
        continue
