"""Where messages are prepared: a few in a thread, a backlog in a process beside ours.

Parsing and deciding is Python, which one process does on one core only. So where many messages
wait, a second process prepares the next ones while this one stores those before. That is the larger
half of the work, so what finds the other with enough to do is prepared here. The second process is
started when a backlog is met, ends when there has been none for a while, and with its parent,
however that ends. Whatever happens to it, its work is done in a thread instead.

That process is `sage_mail.ingest.companion`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import IO, Any, Final

from sage_mail.ingest.companion import receive, send
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.preparation import Prepared, Rejected, prepare_all
from sage_mail.pipeline import Context, Pipeline
from sage_mail.records import MailboxRecord
from sage_mail.telemetry import get_logger

__all__ = ["Preparer"]

_log = get_logger(__name__)

Results = list[Prepared | Rejected]

# The larger of what a portion has and what the pipes of Linux may be; smaller ones only wait more.
_PIPE_OCTETS: Final = 1024 * 1024
# One under its hands and one that waits for it, so that it never waits for us.
_ENOUGH: Final = 2
# Longer than any portion takes; what takes longer is tried in a thread, as it would be without us.
_MOST_SECONDS: Final = 120.0
_IDLE_SECONDS: Final = 30.0
# One that ends again and again would cost more than it saves.
_MOST_LOSSES: Final = 5


class Preparer:
    """Prepares messages with one pipeline; ended by `close`."""

    def __init__(self, pipeline: Pipeline, threads: Executor) -> None:
        self._pipeline = pipeline
        self._threads = threads
        self._process: _Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._losses = 0

    async def prepare(
        self,
        fetched: Sequence[Fetched],
        mailbox: MailboxRecord,
        context: Context,
        *,
        backlog: bool = False,
    ) -> Results:
        """What each of the messages is, or why it cannot be stored; see `prepare_all`.

        With *backlog*, which says that many more follow, the second process does it, once it has
        started and while it has not enough to do.
        """
        if backlog and fetched and self._losses < _MOST_LOSSES:
            process = None
            try:
                process = self._running()
                if process.is_ready and process.asked < _ENOUGH:
                    async with asyncio.timeout(_MOST_SECONDS):
                        return await process.prepare(fetched, mailbox, context)
            except (OSError, EOFError, pickle.PickleError, TimeoutError) as error:
                _log.warning(
                    "preparing_process_lost", error=type(error).__name__, reason=str(error)
                )
                if process is self._process:  # and nobody has noticed it before
                    self._losses += 1
                    self.close()
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, prepare_all, fetched, mailbox, self._pipeline, context
        )

    def close(self) -> None:
        """End the second process, at once."""
        process, self._process = self._process, None
        if process is not None:
            process.end()
        if self._idle is not None:
            self._idle.cancel()

    def _running(self) -> _Process:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None:
            self._process = _Process(self._pipeline)
        self._close_later()
        return self._process

    def _close_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(_IDLE_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        process = self._process
        if process is not None and (process.asked or not process.is_ready):
            self._close_later()  # on a busy machine a portion takes long, and so does the start
        else:
            self.close()


class _Process:
    """The second process, and the threads that talk with it: requests and answers in one order.

    ``asked`` is how many portions somebody waits for.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        # Not a member of our session, so that Ctrl-C in the terminal reaches us alone.
        self._child = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-m", "sage_mail.ingest.companion", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._requests, self._answers = self._child.stdin, self._child.stdout
        _widen(self._requests)
        _widen(self._answers)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sage-mail to preparing")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="sage-mail from preparing")
        self._ready = self._asked(pipeline)
        self.asked = 0

    @property
    def is_ready(self) -> bool:
        """Whether it has started, or failed to, which `prepare` then tells."""
        return self._ready.done()

    async def prepare(
        self, fetched: Sequence[Fetched], mailbox: MailboxRecord, context: Context
    ) -> Results:
        """The messages prepared.

        Raises:
            OSError, EOFError: the process is gone.
            pickle.PickleError: the pipeline or the messages cannot be sent to another process.
        """
        self._ready.result()
        answer = self._asked((list(fetched), mailbox, context))
        self.asked += 1
        try:
            # Shielded, since an answer that nobody reads would be taken for the next one.
            results: Results = await asyncio.shield(asyncio.wrap_future(answer))
        finally:
            self.asked -= 1
        return results

    def end(self) -> None:
        """Kill it; those who wait for an answer get an EOFError."""
        self._child.kill()
        self._child.wait()
        self._writer.submit(self._closed, self._requests)
        self._reader.submit(self._closed, self._answers)
        self._writer.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    def _asked(self, request: object) -> Future[Any]:
        sent = self._writer.submit(send, self._requests, request)
        return self._reader.submit(self._answer, sent)

    def _answer(self, sent: Future[None]) -> Any:
        sent.result()  # nothing answers what could not be sent
        return receive(self._answers)

    @staticmethod
    def _closed(pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError):
            pipe.close()


def _widen(pipe: IO[bytes]) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # beyond what this user may have
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_OCTETS)
