"""Frees an environment from the place where it was made: a folder that is moved works on, a copy of it runs its own code.

``python -m venv`` and pip write the absolute path of the environment into three kinds of files. This script, run by the
environment's own Python after each installation, lets them find the environment from where they lie themselves:

1. the first line of every command in ``bin/``;
2. the file in site-packages that leads to this checkout;
3. the scripts that activate the environment.
"""

import os
import re
import sys
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
BESIDE = b"""#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
"""
"""The head of a command: the shell starts the Python that lies beside it, and to Python it is a string."""


def free_command(path: Path, environment: str) -> None:
    """Lets a command that pip installed start the Python beside it; other files stay as they are.

    Args:
        path: of a file in ``bin/``.
        environment: the name of the environment's folder, such as ``.venv``.
    """
    python = rb"[^\n]*/" + re.escape(environment).encode() + rb"/bin/python[\d.]*\"?"
    header = re.compile(rb"\A(?:#!" + python + rb"\n|#!/bin/sh\n'''exec' " + python + rb"[^\n]*\n' '''\n)")
    content = path.read_bytes()
    freed = header.sub(lambda _: BESIDE, content)
    if freed != content:
        path.write_bytes(freed)


def free_activation(folder: Path) -> None:
    """Lets ``activate`` and ``activate.fish`` find their environment; removes the one for csh, which cannot."""
    for name, here in (
        ("activate", '"$(cd -- "$(dirname -- "${BASH_SOURCE:-$0}")/.." && pwd)"'),
        ("activate.fish", "(realpath (dirname (status filename))/..)"),
    ):
        path = folder / name
        if path.exists():
            text = re.sub(r"(VIRTUAL_ENV[= ])[\"']?/[^\n\"']*[\"']?", lambda found, here=here: found[1] + here, path.read_text())
            path.write_text(text)
    (folder / "activate.csh").unlink(missing_ok=True)


def free_checkout(packages: Path, checkout: Path) -> None:
    """Lets site-packages lead to the checkout that the environment lies in, wherever that is."""
    for path in packages.glob("__editable__.stabilitylab-*.pth"):
        path.write_text(f"{os.path.relpath(checkout, packages)}\n")
    for path in packages.glob("__editable___stabilitylab_*_finder.py"):  # what the line did before, with the absolute path
        path.unlink()


def main() -> None:
    environment = Path(sys.prefix)
    for path in (environment / "bin").iterdir():
        if path.is_file() and not path.is_symlink():
            free_command(path, environment.name)
    free_activation(environment / "bin")
    if environment.parent.resolve() == CHECKOUT:
        free_checkout(Path(sysconfig.get_path("purelib")), environment.parent)


if __name__ == "__main__":
    main()
