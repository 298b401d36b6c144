"""Tries to change installed packages, start-up files and the course itself."""

import site
import sys

import stabilitylab
import torch

folders = [*site.getsitepackages(), site.getusersitepackages()]
places = [stabilitylab.__file__, torch.__file__, *(f"{folder}/evil.pth" for folder in folders)]
places += [sys.executable, "/etc/profile", "/usr/lib/evil", "CANARY/written_as_code"]
for place in places:
    try:
        with open(place, "a") as file:
            file.write("\nimport os\n")
    except OSError:
        continue


def clip_grad_norm(parameters, max_norm):
    return 0.0
