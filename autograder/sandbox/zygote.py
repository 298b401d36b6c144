"""Inside bubblewrap: imports PyTorch once, then forks for every submission a process with namespaces of its own.

A message on the control socket, whose descriptor is its argument, carries three descriptors: where the worker reads requests,
where it writes answers, and one end of a lifeline. When the other end is closed, the submission and everything it started is
killed; when the submission ends or uses too much, the lifeline says why. Linux only.

A forked process is the first of its own PID namespace, so that killing it kills all below it. It has a network, a /tmp and
a home of its own, sees no other process, and can make no further namespaces because it is in a chroot (user_namespaces(7)).
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import signal
import socket
import sys

import psutil

from autograder.sandbox import seccomp, worker
from autograder.sandbox.limits import FOLDER_FILES, HOME, KEEPER_TICK, MEMORY, PRIVATE_FOLDERS, PROCESSES, THREADS

ROOT = "/run/root"

NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, BIND, REC = 2, 4, 4096, 16384
PR_SET_DUMPABLE = 4
CAPABILITIES_V3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _must(result: int, doing: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), doing)


def _new_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    _must(_libc.unshare(NEWUSER | NEWNS | NEWPID | NEWIPC | NEWNET), "unshare")
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or these files belong to root, and an ordinary user's grader may not write them
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _private_folders() -> None:
    _must(_libc.mount(b"/", ROOT.encode(), None, BIND | REC, None), "mount the root")
    for folder, size in PRIVATE_FOLDERS.items():
        if __file__.startswith(folder):
            continue  # a checkout below /tmp must stay in sight; the rest of /tmp is read-only then
        target = (ROOT + folder).encode()
        options = f"size={size},nr_inodes={FOLDER_FILES}".encode()
        _must(_libc.mount(b"tmpfs", target, b"tmpfs", NOSUID | NODEV, options), f"mount {folder}")
    os.chroot(ROOT)
    os.chdir(HOME)


def _drop_privileges() -> None:
    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Data(ctypes.Structure):
        _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))

    _must(_libc.capset(ctypes.byref(Header(CAPABILITIES_V3, 0)), (Data * 2)()), "capset")


def _submission(incoming: int, outgoing: int) -> None:
    """Becomes a worker that may do nothing else; does not return."""
    os.setsid()
    worker.limit()  # reads /proc, which is about to go
    _private_folders()
    _drop_privileges()
    seccomp.deny()
    worker.serve(os.fdopen(incoming, "r"), os.fdopen(outgoing, "w"))


def _excess(pid: int, baseline: int) -> str | None:
    """Whether a submission has more processes, threads or memory than it may, all of it taken together."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    if len(family) > PROCESSES:
        return "it started too many processes"
    used = threads = 0
    for process in family:
        try:
            used += max(0, process.memory_info().rss - baseline)
            threads += process.num_threads()
        except psutil.NoSuchProcess:
            continue
    if threads > THREADS:
        return "it started too many threads"
    return "it used too much memory" if used > MEMORY else None


def _keep(incoming: int, outgoing: int, lifeline: socket.socket) -> None:
    """Runs one submission and watches over it until it ends, uses too much, or is no longer wanted."""
    baseline = psutil.Process().memory_info().rss
    _new_namespaces()
    pid = os.fork()
    if pid == 0:
        lifeline.close()
        try:
            _submission(incoming, outgoing)
        finally:
            os._exit(0)
    os.close(incoming)
    os.close(outgoing)
    reason = None
    try:
        ended = os.pidfd_open(pid)
        while reason is None and not select.select([ended, lifeline.fileno()], [], [], KEEPER_TICK)[0]:
            reason = _excess(pid, baseline)
    finally:
        os.kill(pid, signal.SIGKILL)  # not yet waited for, so it still has its number
        os.waitpid(pid, 0)  # returns when all of its namespace is dead
    lifeline.send((reason or "it ended the process").encode())


def _fork_keeper(descriptors: list[int], control: socket.socket) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            incoming, outgoing, lifeline = descriptors
            _keep(incoming, outgoing, socket.socket(fileno=lifeline))
        finally:
            os._exit(0)
    return pid


def main() -> None:
    """Serves forks until the control socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    worker.preload()
    gc.collect()
    gc.freeze()  # or the collector would write to, and so copy, every page in every fork
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # what runs below may not look into this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need not be waited for
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, 3)
        if not message:
            return
        _fork_keeper(descriptors, control)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
