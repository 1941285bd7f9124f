"""Callbacks that are called, each in a thread of its own, so that none can harm another.

A callback that raises is logged and called again for the next event. One that blocks holds up its
own events alone; of these a bounded number waits, and the oldest give way.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sage_mail.telemetry import get_logger

__all__ = ["Callback", "Event", "Listeners", "put_bounded"]

Event = dict[str, Any]
Callback = Callable[[Event], object]
_T = TypeVar("_T")

_log = get_logger(__name__)

_MOST_WAITING: Final = 1000


class Listeners:
    """The threads of the callbacks that were called so far."""

    def __init__(self) -> None:
        self._listeners: dict[int, _Listener] = {}

    def call(self, callback: Callback, event: Event) -> None:
        """Let the callback be called with a copy of the event, after those that still wait."""
        # By identity, because a callable need not be hashable; the listener keeps it alive.
        listener = self._listeners.get(id(callback))
        if listener is None:
            listener = self._listeners[id(callback)] = _Listener(callback)
        listener.tell(event.copy())

    def end(self) -> None:
        """Let each thread end when it has told what waits; nobody waits for that."""
        for listener in self._listeners.values():
            listener.tell(None)
        self._listeners.clear()


class _Listener:
    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._waiting: queue.Queue[Event | None] = queue.Queue(_MOST_WAITING)
        threading.Thread(target=self._run, name="sage-mail callback", daemon=True).start()

    def tell(self, event: Event | None) -> None:
        if put_bounded(self._waiting, event):
            _log.warning("callback_too_slow", dropped=1, waiting=_MOST_WAITING)

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._callback(event)
            except Exception as error:  # noqa: BLE001 - the edge: it is the user's code
                _log.error("callback_failed", error=type(error).__name__)


def put_bounded(waiting: queue.Queue[_T], item: _T) -> bool:
    """Put the item into the queue; True if the oldest one had to give way for it."""
    dropped = False
    while True:
        try:
            waiting.put_nowait(item)
        except queue.Full:
            dropped = True
            try:
                waiting.get_nowait()
            except queue.Empty:
                continue
        else:
            return dropped
