"""Waits for the end: exit handlers, finalisers, and a thread that outlives the answer."""

import atexit
import os
import threading
import time


def act():
    for place in ("CANARY/at_exit", "WORKDIR/at_exit"):
        try:
            open(place, "w").close()
        except OSError:
            continue


atexit.register(act)
held = type("Last", (), {"__del__": lambda self: act()})()
threading.Thread(target=lambda: (time.sleep(1), act(), os.fork() == 0 and time.sleep(4242))).start()
