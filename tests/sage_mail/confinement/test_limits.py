"""What holds a child where its parent cannot any more."""

from __future__ import annotations

import os
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
