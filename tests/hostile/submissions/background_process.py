"""Leaves processes behind that are in no group and no session of their parent."""

import os
import subprocess
import sys
import time

for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(4242)
        os._exit(0)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(4242)"], start_new_session=True)
