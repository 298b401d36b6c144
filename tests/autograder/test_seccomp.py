"""The system-call filter: what it refuses and what it lets through, read by an interpreter of its own, and in a real process."""

import ctypes
import errno
import os
import platform
import struct
import sys

import pytest

from autograder.sandbox import seccomp

# from the kernel's own tables, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
X86_64 = {
    "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240, "memfd_create": 319, "memfd_secret": 447, "add_key": 248,
    "request_key": 249, "keyctl": 250, "setsid": 112, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
    "unshare": 272, "setns": 308, "mount": 165, "fsopen": 430, "open_tree": 428, "move_mount": 429, "bpf": 321,
    "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
}  # fmt: skip
ARM64 = {
    "shmget": 194, "msgget": 186, "semget": 190, "mq_open": 180, "memfd_create": 279, "memfd_secret": 447, "add_key": 217,
    "request_key": 218, "keyctl": 219, "setsid": 157, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
    "unshare": 97, "setns": 268, "mount": 40, "fsopen": 430, "open_tree": 428, "move_mount": 429, "bpf": 280,
    "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
}  # fmt: skip
AUDIT_X86_64, AUDIT_ARM64 = 0xC000003E, 0xC00000B7
ALLOWED, REFUSED = 0x7FFF0000, 0x00050000 + errno.EPERM
linux = pytest.mark.skipif(sys.platform != "linux", reason="a filter of the Linux kernel")


class Kernel:
    """Takes a filter as the kernel does, and runs it."""

    def __init__(self, refuses=False):
        self.calls, self.refuses = [], refuses

    def prctl(self, *arguments):
        self.calls.append(arguments)
        if arguments[0] == 22:
            program = arguments[2]._obj
            code = ctypes.string_at(program.code, program.length * 8)
            self.program = [struct.unpack_from("HBBI", code, place) for place in range(0, len(code), 8)]
        return -1 if self.refuses and arguments[0] == 22 else 0

    def run(self, number, architecture):
        """What the filter returns for a call: classic BPF, the four instructions that filters use."""
        data, place, loaded = {0: number, 4: architecture}, 0, None
        while True:
            code, yes, no, value = self.program[place]
            place += 1
            if code == 0x20:  # load a word
                loaded = data[value]
            elif code == 0x15:  # jump if equal
                place += yes if loaded == value else no
            elif code == 0x35:  # jump if at least
                place += yes if loaded >= value else no
            elif code == 0x06:  # return
                return value
            else:
                raise AssertionError(f"no such instruction: {code:#x}")


@pytest.fixture
def kernel(monkeypatch):
    kernel = Kernel()
    monkeypatch.setattr(seccomp.ctypes, "CDLL", lambda name, use_errno: {(None, True): kernel}[name, use_errno])
    monkeypatch.setattr(seccomp.sys, "platform", "linux")
    return kernel


@pytest.mark.parametrize("machine, architecture, table", [("x86_64", AUDIT_X86_64, X86_64), ("aarch64", AUDIT_ARM64, ARM64)])
def test_exactly_the_named_calls_are_refused(kernel, monkeypatch, machine, architecture, table):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: machine)
    seccomp.deny()
    refused = {number for number in range(1000) if kernel.run(number, architecture) == REFUSED}
    assert refused == set(table.values()) and set(seccomp.DENIED) == set(table)
    assert all(kernel.run(number, architecture) == ALLOWED for number in set(range(1000)) - refused)


def test_calls_of_another_architecture_or_table_are_refused(kernel, monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "x86_64")
    seccomp.deny()
    assert kernel.run(0, AUDIT_X86_64) == kernel.run(0x3FFFFFFF, AUDIT_X86_64) == ALLOWED
    for number in (0x40000000, 0x40000001, 0x400003FF, 0xFFFFFFFF):  # x32
        assert kernel.run(number, AUDIT_X86_64) == REFUSED
    for architecture in (AUDIT_ARM64, 0x40000003, AUDIT_X86_64 - 1, AUDIT_X86_64 + 1):  # 32-bit x86 among them
        assert kernel.run(0, architecture) == REFUSED


def test_the_filter_is_set_for_good(kernel, monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "x86_64")
    seccomp.deny()
    no_new_privileges, setting = kernel.calls
    assert no_new_privileges == (38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, without which the kernel takes no filter from anybody
    assert setting[:2] == (22, 2) and setting[3:] == (0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def test_a_filter_that_the_kernel_refuses_is_an_error(kernel, monkeypatch):
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "x86_64")
    kernel.refuses = True
    with pytest.raises(OSError, match="the system-call filter was refused"):
        seccomp.deny()


@pytest.mark.parametrize("system, machine", [("darwin", "x86_64"), ("win32", "x86_64"), ("linux", "riscv64")])
def test_elsewhere_nothing_is_filtered(kernel, monkeypatch, system, machine):
    monkeypatch.setattr(seccomp.sys, "platform", system)
    monkeypatch.setattr(seccomp.platform, "machine", lambda: machine)
    seccomp.deny()
    assert kernel.calls == []


@linux
@pytest.mark.skipif(platform.machine() not in seccomp.ARCHITECTURES, reason="not filtered on this machine")
def test_a_filtered_process_is_refused_and_goes_on():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"failed"
        try:
            seccomp.deny()
            libc = ctypes.CDLL(None, use_errno=True)
            refused = libc.memfd_create(b"x", 0) == -1 and ctypes.get_errno() == errno.EPERM
            session = libc.setsid() == -1 and ctypes.get_errno() == errno.EPERM
            open("/proc/self/stat").close()
            said = b"%d %d" % (refused, session)
        finally:
            os.write(writing, said)
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        assert file.read() == b"1 1"
    os.waitpid(child, 0)
