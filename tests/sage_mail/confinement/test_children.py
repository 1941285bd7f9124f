"""Each task costs only itself, whatever it does to its child, and no child outlives its parent."""

from __future__ import annotations

import ast
import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_mail.confinement import Children, Failed, Failure, Finished, Limits
from sage_mail.confinement.children import ChildrenClosed
from tests.support.processes import alive, until_gone

_ENTRY = "tests.support.hostile_child"
_ROOT = Path(__file__).resolve().parents[3]
_CHANCE = 10.0  # the longest that a hostile task may take


@pytest.fixture
def children() -> Iterator[Children]:
    pool = Children(_ENTRY, Limits(seconds=1.0, answer=1_000_000))
    yield pool
    pool.close()


def _pid(children: Children) -> int:
    outcome = children.run_blocking(b"pid", b"")
    assert isinstance(outcome, Finished)
    return int(outcome.answer)


@pytest.mark.parametrize(
    ("task", "body", "failure", "detail"),
    [
        (b"hang", b"", Failure.TIMED_OUT, "after 1 s"),
        (b"hang-in-c", b"", Failure.TIMED_OUT, "after 1 s"),
        (b"regex", b"a" * 60 + b"!", Failure.TIMED_OUT, "after 1 s"),
        (b"allocate", b"", Failure.OUT_OF_MEMORY, ""),
        (b"segfault", b"", Failure.CRASHED, "by signal 11"),
        (b"raise", b"secret", Failure.CRASHED, "ValueError"),
        (b"exit", b"", Failure.CRASHED, "with exit code 3"),
        (b"lie", b"", Failure.CRASHED, "an answer that is too long"),
        (b"long", b"", Failure.CRASHED, "an answer that is too long"),
        (b"write", b"/tmp/confined-child-wrote-this", Failure.CRASHED, "OSError"),
    ],
)
async def test_a_hostile_task(
    children: Children, task: bytes, body: bytes, failure: Failure, detail: str
) -> None:
    """It ends in time with its reason; the loop goes on meanwhile, and so does the next task."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    ticking = asyncio.create_task(tick())
    began = time.monotonic()
    outcome = await children.run(task, body)
    took = time.monotonic() - began
    ticking.cancel()
    assert outcome == Failed(failure, detail)
    assert took < _CHANCE
    assert ticks >= took / 0.02 / 4
    assert await children.run(b"echo", b"next") == Finished(b"next")


def test_a_large_body_arrives_whole(children: Children) -> None:
    """A body of many portions comes to the child and back as it is."""
    body = os.urandom(999_999)
    assert children.run_blocking(b"echo", body) == Finished(body)


def test_what_a_child_may_do(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows no secret of the environment, leaves no core, ignores SIGINT and has its limits."""
    monkeypatch.setenv("SAGE_MAIL_SECRET", "hunter2")
    outcome = children.run_blocking(b"survey", b"")
    assert isinstance(outcome, Finished)
    facts = ast.literal_eval(outcome.answer.decode())
    assert set(facts.pop("env")) <= {"LC_CTYPE", "LD_LIBRARY_PATH", "PATH"}
    memory = Limits().memory
    assert facts.pop("argv") == [str(os.getpid()), str(memory), "1.0"]
    assert facts.pop("threads") == 1
    assert facts == {
        "cwd": "/",
        "core": (0, 0),
        "memory": (memory, memory),
        "files": 64,
        "sigint": True,
    }


def test_a_child_survives_sigint_and_is_used_again(children: Children) -> None:
    """What a terminal sends to all of its processes ends no child; the parent decides that."""
    pid = _pid(children)
    os.kill(pid, signal.SIGINT)
    assert _pid(children) == pid


def test_a_child_that_ended_idle_is_replaced(children: Children) -> None:
    """The next task does not pay for what has killed the child between two tasks."""
    pid = _pid(children)
    os.kill(pid, signal.SIGKILL)
    until_gone([pid], 5)
    assert _pid(children) != pid


def test_a_child_is_replaced_after_its_tasks() -> None:
    """What a parser leaks does not grow for ever."""
    children = Children(_ENTRY, Limits(tasks=2))
    pids = [_pid(children) for _ in range(4)]
    assert pids[0] == pids[1]
    assert pids[2] == pids[3]
    assert pids[1] != pids[2]
    assert not alive(pids[0])
    children.close()


async def test_close_is_prompt_and_leaves_none() -> None:
    """Children in the middle of a task are killed, and those who wait are told."""
    children = Children(_ENTRY, Limits(seconds=8), count=2)
    waiting = [asyncio.create_task(children.run(b"hang", b"")) for _ in range(2)]
    while len(children.pids) < 2:
        await asyncio.sleep(0.01)
    pids = children.pids
    began = time.monotonic()
    await asyncio.to_thread(children.close)
    assert time.monotonic() - began < 2
    assert not any(alive(pid) for pid in pids)
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, ChildrenClosed) for result in results)
    with pytest.raises((ChildrenClosed, RuntimeError)):
        await children.run(b"echo", b"")


def test_no_thread_is_started_before_the_first_task() -> None:
    """Children that nobody needs cost nothing."""
    before = threading.active_count()
    children = Children(_ENTRY)
    assert (threading.active_count(), children.pids) == (before, frozenset())
    children.close()


_PARENT = """
import sys, threading, time
from sage_mail.confinement import Children, Limits
children = Children("tests.support.hostile_child", Limits(seconds=60), count=2)
task = sys.argv[1].encode()
for _ in range(2):
    threading.Thread(target=children.run_blocking, args=(task, b""), daemon=True).start()
while len(children.pids) < 2:
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
print(*children.pids, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("task", "pause"), [("hang", 0.5), ("hang-in-c", 0.5), ("echo", 0.5), ("hang", 0.0)]
)
def test_no_child_outlives_a_parent_that_was_killed(task: str, pause: float) -> None:
    """After kill -9 of the parent no child lives five seconds later, busy, idle or starting."""
    program = [sys.executable, "-c", _PARENT, task, str(pause)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=_ROOT) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        parent.kill()
        parent.wait()
        until_gone(pids, 5)
