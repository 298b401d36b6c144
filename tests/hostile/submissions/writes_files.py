"""Writes wherever it can name a place."""

import os

for folder in ("CANARY", "WORKDIR", "/", "/tmp", "/var/tmp", "/usr", "/etc", "/root", os.path.dirname(os.path.abspath("."))):
    try:
        with open(f"{folder}/hostile_was_here", "w") as file:
            file.write("x")
    except OSError:
        continue
