"""JupyterLab for the course: opened on the learner's copies, with all it keeps inside ``work/``.

The course's settings for JupyterLab are in ``setup/jupyter``; ``make setup`` also puts them into the environment, so that they
hold however JupyterLab is started there. ``setup/teach`` takes back what hides the teacher's tools.

JupyterLab keeps settings, open tabs, connection files, signatures and the history of kernels in the home folder. There it would
share them with every other JupyterLab of the learner, and it fails where it may not write; here they go to ``work/.jupyter``.
``setup/workspace.json`` is the window as a learner first sees it, with a file list in which the names of lessons can be read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from stabilitylab import delivery, workspace


def command(teach: bool, options: Sequence[str] = ()) -> list[str]:
    """The command that starts JupyterLab.

    Args:
        teach: on the repository, for nbgrader's tools; otherwise on ``work/``, at the first lesson.
        options: further ones of ``jupyter lab``; they win over those of the course.
    """
    root, page = (workspace.ROOT, "/lab") if teach else (workspace.WORK, f"/lab/tree/{delivery.FIRST}")
    made = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", f"--LabApp.default_url={page}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        made.append("--allow-root")
    if sys.platform != "darwin" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        made.append("--no-browser")
    return [*made, *options]


def environment(teach: bool, given: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that JupyterLab and its kernels get; where it keeps its files may be set already.

    Args:
        teach: whether nbgrader's tools are shown.
        given: the variables so far.
    """
    own = workspace.WORK / ".jupyter"
    made = {
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "IPYTHONDIR": str(own / "ipython"),
    }
    made |= given
    # a terminal in JupyterLab finds `stabilitylab`, and nbgrader what it starts by name
    made["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), *filter(None, [given.get("PATH")])])
    # kernels run in the folder of their notebook, where a relative path would lead elsewhere
    made["STABILITYLAB_WORK"] = str(workspace.WORK)
    settings = [str(workspace.ROOT / "setup" / folder) for folder in (("teach", "jupyter") if teach else ("jupyter",))]
    made["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*settings, *filter(None, [given.get("JUPYTER_CONFIG_PATH")])])
    return made


def start(teach: bool, options: Sequence[str] = ()) -> None:
    """Becomes JupyterLab; does not return.

    Raises:
        NotWritable: if ``work/`` takes no files.
    """
    first = workspace.WORK / ".jupyter" / "workspaces" / "default-37a8.jupyterlab-workspace"  # as JupyterLab calls it
    workspace.make_folder(first.parent)
    if not first.exists():
        workspace.write_atomically(first, (workspace.ROOT / "setup" / "workspace.json").read_bytes())
    if teach:
        os.chdir(workspace.ROOT)  # where nbgrader finds its configuration
    os.execve(sys.executable, command(teach, options), environment(teach, os.environ))
