"""Callbacks that misbehave harm themselves alone."""

from __future__ import annotations

import queue
import threading

from sage_mail.patterns.listeners import Callback, Event, Listeners, put_bounded


def test_nobody_is_harmed() -> None:
    """One raises, one blocks, one changes its event: the last one gets all, in order, unchanged."""
    listeners, found = Listeners(), queue.Queue[Event]()
    held = threading.Event()

    def raises(event: Event) -> None:
        raise ValueError(event)

    def blocks(event: Event) -> None:
        held.wait(60)

    def changes(event: Event) -> None:
        event["uid"] = None

    callbacks: list[Callback] = [raises, blocks, changes, found.put]
    for uid in range(3000):
        for callback in callbacks:
            listeners.call(callback, {"uid": uid})
        assert found.get(timeout=20) == {"uid": uid}
    listeners.end()
    held.set()


def test_what_cannot_be_hashed_can_be_called() -> None:
    """A callable without a hash is a callback like any other."""

    class Unhashable(list[Event]):
        def __call__(self, event: Event) -> None:
            self.append(event)
            told.set()

    told, callback, listeners = threading.Event(), Unhashable(), Listeners()
    listeners.call(callback, {"uid": 1})
    assert told.wait(20)
    assert callback == [{"uid": 1}]
    listeners.end()


def test_a_full_queue_loses_its_oldest() -> None:
    """What comes now counts more than what nobody has asked for."""
    waiting = queue.Queue[int](2)
    assert [put_bounded(waiting, number) for number in range(3)] == [False, False, True]
    assert [waiting.get(), waiting.get()] == [1, 2]
