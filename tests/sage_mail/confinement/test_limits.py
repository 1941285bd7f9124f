"""What holds a child where its parent cannot any more."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time

import pytest

from tests.support.processes import until_gone

_WATCHED = """
import os, sys, time
from sage_mail.confinement import limits
limits._ask_kernel = lambda: False
if os.fork() == 0:
    limits.end_with_parent(os.getppid())
    print(os.getpid(), flush=True)
    while True:
        pass
time.sleep(60)
"""

_CLOCKED = """
import ctypes, sys
from sage_mail.confinement import limits
limits.start_clock(0.2)
if sys.argv[1] == "wall":
    ctypes.PyDLL(None).sleep(60)
while True:
    pass
"""

# A filter of system calls (seccomp(2)) that answers setpriority by EPERM and lets all else through.
_FILTERED = """
import ctypes, platform
from sage_mail.confinement import limits
libc = ctypes.CDLL(None, use_errno=True)
setpriority = {"x86_64": 141, "aarch64": 140}[platform.machine()]
class Step(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("then", ctypes.c_ubyte), ("otherwise", ctypes.c_ubyte),
                ("value", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.POINTER(Step))]
steps = (Step * 4)(Step(0x20, 0, 0, 0), Step(0x15, 0, 1, setpriority), Step(0x06, 0, 0, 0x00050001),
                   Step(0x06, 0, 0, 0x7FFF0000))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, steps)), 0, 0) == 0
limits.confine(1 << 30)
print("confined")
"""


def test_a_system_without_a_death_signal() -> None:
    """Where the kernel does not tell of the parent's death, a child finds it out by itself."""
    with subprocess.Popen([sys.executable, "-c", _WATCHED], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        until_gone([pid], 5)


def test_a_parent_that_was_already_gone() -> None:
    """A child whose parent died before it could ask to be told ends at once."""
    code = "from sage_mail.confinement import limits; limits.end_with_parent(1)"
    assert os.getpid() != 1
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 1


@pytest.mark.parametrize("kind", ["wall", "processor"])
def test_the_clock_of_the_system(kind: str) -> None:
    """The system ends a task that nobody kills, even where the interpreter's lock is held."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", _CLOCKED, kind], check=False, timeout=30)
    assert -done.returncode in (signal.SIGALRM, signal.SIGXCPU)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="its system calls have other numbers"
)
def test_a_system_that_forbids_niceness() -> None:
    """Units of systemd filter system calls; a child that may not lower its priority works on."""
    done = subprocess.run(
        [sys.executable, "-c", _FILTERED], check=False, timeout=60, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("confined\n", "")
