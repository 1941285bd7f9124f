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
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sage_mail.confinement import Children, Failed, Failure, Finished, Limits, child
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
    ticks = [time.monotonic()]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            ticks.append(time.monotonic())

    ticking = asyncio.create_task(tick())
    outcome = await children.run(task, body)
    ticks.append(time.monotonic())
    ticking.cancel()
    assert outcome == Failed(failure, detail)
    assert ticks[-1] - ticks[0] < _CHANCE
    pauses = sorted(after - before for before, after in pairwise(ticks))
    assert pauses[len(pauses) // 2] < 0.5
    assert await children.run(b"echo", b"next") == Finished(b"next")


@pytest.mark.parametrize(
    ("task", "failure"),
    [
        (b"+hang", Failure.TIMED_OUT),
        (b"+allocate", Failure.OUT_OF_MEMORY),
        (b"+raise", Failure.CRASHED),
        (b"+segfault", Failure.CRASHED),
    ],
)
def test_what_was_said_before_the_end_is_kept(
    children: Children, task: bytes, failure: Failure
) -> None:
    """The last that a child has told of its task outlives it; a result needs nothing of it."""
    outcome = children.run_blocking(task, b"so far")
    assert isinstance(outcome, Failed)
    assert (outcome.failure, outcome.so_far) == (failure, b"so far")
    assert children.run_blocking(b"+echo", b"all") == Finished(b"all")


@pytest.mark.parametrize("entry", [_ENTRY, "tests.support.late_child"])
def test_start_and_task_have_one_deadline(entry: str) -> None:
    """From the hand-over on no task takes longer, whether its child starts late or never."""
    children = Children(entry, Limits(seconds=60, whole=5.5))
    began = time.monotonic()
    outcome = children.run_blocking(b"hang", b"")
    took = time.monotonic() - began
    children.close()
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.TIMED_OUT
    assert 5.5 <= outcome.seconds <= took < 2 * 5.5


def test_a_start_does_not_count_for_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that takes longer to start than a task may take does not cost the task."""
    monkeypatch.setattr(child, "_PROGRAM", f"import time; time.sleep(1)\n{child._PROGRAM}")
    children = Children(_ENTRY, Limits(seconds=0.9))
    outcome = children.run_blocking(b"echo", b"late")
    children.close()
    assert outcome == Finished(b"late")


def test_a_spare_child_takes_the_place_of_one_that_is_lost(children: Children) -> None:
    """The task after a hostile one finds a child that is there already."""
    pid = _pid(children)
    (spare,) = children.pids - {pid}
    assert isinstance(children.run_blocking(b"hang", b""), Failed)
    assert _pid(children) == spare
    assert len(children.pids) == 2


def test_a_spare_child_that_ended_is_not_used(children: Children) -> None:
    """A spare child that something has killed meanwhile costs no task."""
    pid = _pid(children)
    (spare,) = children.pids - {pid}
    os.kill(spare, signal.SIGKILL)
    until_gone([spare], 5)
    assert isinstance(children.run_blocking(b"hang", b""), Failed)
    assert _pid(children) not in (pid, spare)
    assert spare not in children.pids


def test_no_spare_where_none_can_be_started(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that has no room for one more process costs no task that needs none."""
    started: list[str] = []
    start = child._start

    def once(*arguments: Any) -> Any:
        if started:
            raise BlockingIOError("no more processes")
        started.append("one")
        return start(*arguments)

    monkeypatch.setattr(child, "_start", once)
    assert children.run_blocking(b"echo", b"x") == Finished(b"x")
    assert len(children.pids) == 1


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
    until_gone(pids[:2], 5)
    children.close()


async def test_close_is_prompt_and_leaves_none() -> None:
    """Children in the middle of a task are killed, and those who wait are told."""
    children = Children(_ENTRY, Limits(seconds=60, whole=60), count=2)
    waiting = [asyncio.create_task(children.run(b"hang", b"")) for _ in range(2)]
    while len(children.pids) < 2:
        await asyncio.sleep(0.01)
    pids = children.pids
    began = time.monotonic()
    await asyncio.to_thread(children.close)
    assert time.monotonic() - began < 20
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
from sage_mail.confinement import child
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
        # Two at work, and perhaps a spare one.
        assert len(pids) in (2, 3)
        assert all(alive(pid) for pid in pids)
        parent.kill()
        parent.wait()
        until_gone(pids, 5)
