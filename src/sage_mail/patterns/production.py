"""The guide's ``ProductionEmailSystem``: the whole system from one mapping, in a script.

It is the runtime of ``sage-mail run``, on the loop thread of the patterns: mail is stored,
announced, filed if that is asked for, and delivered by the outbox. What the guide does in threads
of its own is done here by overridable methods over that runtime.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from anyio.abc import TaskStatus

from sage_mail import telemetry
from sage_mail.patterns._portal import portal
from sage_mail.patterns.classifier import AIEmailClassifier
from sage_mail.patterns.listeners import Callback, Event, Listeners
from sage_mail.patterns.realtime import CompleteRealTimeEmailSystem
from sage_mail.patterns.webhooks import EmailWebhookBridge
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_mail.records import EventRecord
    from sage_mail.runtime import Runtime
    from sage_mail.settings import Settings

__all__ = ["ProductionEmailSystem"]

_log = get_logger(__name__)

_BATCH_SECONDS: Final = 300.0
_JOIN_SECONDS: Final = 1.0
_MAIL: Final = ("new_message", "message_deleted")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class ProductionEmailSystem:
    """Runs everything that ``config`` names until a signal or `shutdown`.

    ``config`` is the guide's mapping, or any key of the configuration file beside it; see
    `sage_mail.mapping`. ``is_running`` is true from the start to the stop. Every method may be
    overridden: the first four are called while it runs.

    ``ai_classifier``, ``realtime_monitor`` and ``webhook_bridge`` are there for their methods: what
    is stored is classified by the pipeline, and what is delivered is delivered by the outbox, which
    loses nothing over a restart. What is added to ``realtime_monitor`` by
    `add_notification_handler`, or to its ``email_monitor`` by `add_callback`, hears of each mail as
    `handle_realtime_event` does, in a thread of its own.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.is_running = False
        self.ai_classifier = AIEmailClassifier(config)
        self.realtime_monitor = CompleteRealTimeEmailSystem(config)
        self.webhook_bridge = EmailWebhookBridge(config, config.get("webhooks", {}))
        self.batch_processor_thread: threading.Thread | None = None
        self.analytics_thread: threading.Thread | None = None
        self.batch_interval = _BATCH_SECONDS
        self._settings: Settings | None = None
        self._runtime: Runtime | None = None
        self._stopping = threading.Event()
        self._wake: int | None = None

    def handle_realtime_event(self, event: Event) -> None:
        """Hear of an event, which has the guide's form, after it was committed.

        New mail goes on to `process_realtime_email`.
        """
        if event.get("type") != "new_message":
            return
        began = time.monotonic()
        self.process_realtime_email(event)
        _log.info("event_processed", seconds=round(time.monotonic() - began, 3))

    def process_realtime_email(self, event: Event) -> None:
        """Do what is to be done with a new mail beyond what the system has already done.

        It has stored, classified and announced it by now; this is for programs to override.
        """
        _log.debug("message_processed", uid=event.get("uid"))

    def run_batch_processing(self) -> None:
        """While it runs, every ``batch_interval`` seconds compare all folders as a whole.

        Each folder is compared on its connection's own occasions too.
        """
        while not self._stopping.wait(self.batch_interval):
            self._ask(lambda runtime: runtime.look)

    def run_analytics_reporting(self) -> None:
        """While it runs, report every hour, or as ``report.interval`` says.

        The final report is made by the stop itself.
        """
        interval = self._settings.report.interval if self._settings is not None else 0.0
        while not self._stopping.wait(interval or None):
            self._ask(lambda runtime: runtime.report)

    def setup_logging(self) -> None:
        """Log to the standard output, and to the file of ``log.file`` if there is one."""
        if self._settings is not None:
            log = self._settings.log
            telemetry.configure(log.level, log.format, stream=sys.stdout, file=log.file)

    def start(self) -> None:
        """Run until a signal or `shutdown`; everything has stopped when this returns.

        In the main thread SIGINT and SIGTERM are handled meanwhile; a second one does what it did
        before.

        Raises:
            AlreadyRunning: another service runs on the same ``data_dir`` or database, or has taken
                over the database since.
            ConfigError: ``config`` cannot be used.
            RuntimeError: it runs already.
            StorageError: the database cannot be used.
        """
        from sage_mail.mapping import settings_from_mapping

        if self.is_running:
            raise RuntimeError("the system runs already; shutdown() comes first")
        self._settings = settings_from_mapping(self.config)
        self._stopping.clear()
        awake, self._wake = os.pipe()
        try:
            with _signals_to(self.shutdown_handler):
                self.setup_logging()
                self._run(self._settings, awake)
        finally:
            os.close(awake)
            wake, self._wake = self._wake, None
            os.close(wake)

    def shutdown(self) -> None:
        """Let `start` stop everything and return; from any thread, and without waiting."""
        self.is_running = False
        # A byte and no lock, because a signal may come while the lock is held.
        if self._wake is not None:
            with suppress(OSError):
                os.write(self._wake, b".")

    def shutdown_handler(self, signum: int, frame: FrameType | None) -> None:
        """What a signal calls while it runs."""
        self.shutdown()

    def _run(self, settings: Settings, awake: int) -> None:
        stop = asyncio.Event()
        ended, self._runtime = portal().start_task(_serve, settings, stop, self)
        ended.add_done_callback(lambda _: self.shutdown())
        self.is_running = True
        self._start_threads()
        try:
            select.select([awake], [], [])
        finally:
            self.is_running = False
            self._stopping.set()
            portal().call(stop.set)
            ended.result()
            self._runtime = None
            for thread in (self.batch_processor_thread, self.analytics_thread):
                if thread is not None:
                    thread.join(_JOIN_SECONDS)

    def _start_threads(self) -> None:
        self.batch_processor_thread = threading.Thread(
            target=self.run_batch_processing, name="sage-mail batches", daemon=True
        )
        self.analytics_thread = threading.Thread(
            target=self.run_analytics_reporting, name="sage-mail reports", daemon=True
        )
        self.batch_processor_thread.start()
        self.analytics_thread.start()

    def _ask(self, method: Callable[[Runtime], Callable[[], Any]]) -> None:
        """Call a method of the runtime on its loop, and wait for it unless it is to stop."""
        runtime = self._runtime
        if runtime is None:
            return
        asked = portal().start_task_soon(method(runtime))
        while not asked.done() and not self._stopping.is_set():
            self._stopping.wait(0.1)
        if asked.done() and (error := asked.exception()) is not None:
            _log.error("request_failed", error=type(error).__name__)
        asked.cancel()


async def _serve(
    settings: Settings,
    stop: asyncio.Event,
    system: ProductionEmailSystem,
    *,
    task_status: TaskStatus[Runtime],
) -> None:
    from sage_mail.runtime import Runtime

    # The reports are asked for by `run_analytics_reporting`.
    silent = settings.report.model_copy(update={"interval": 0.0})
    async with Runtime(settings.model_copy(update={"report": silent})) as runtime:
        begin = await _last_event(runtime)
        task_status.started(runtime)
        works = [
            asyncio.ensure_future(work)
            for work in (stop.wait(), runtime.failed(), _tell(runtime, system, begin))
        ]
        done, rest = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in rest:
            work.cancel()
        await asyncio.wait(works)
        for work in done:
            work.result()


async def _last_event(runtime: Runtime) -> int:
    async with runtime.storage.read() as uow:
        return await uow.events.last_seq()


async def _tell(runtime: Runtime, system: ProductionEmailSystem, position: int) -> None:
    """Tell each event behind the position, in the guide's form; a thread of its own hears it."""
    from sage_mail.errors import StorageError

    listeners = Listeners()
    own = system.handle_realtime_event
    try:
        async with runtime.storage.commits.subscribe() as wakeups:
            while True:
                try:
                    async with runtime.storage.read() as uow:
                        events = await uow.events.after(position)
                except StorageError as error:
                    _log.error("events_unreadable", error=str(error))
                    await wakeups.wait(2.0)
                    continue
                for event in events:
                    told = _guide_event(event)
                    for handler in (own, *_added(system, told, own)):
                        listeners.call(handler, told)
                    position = event.seq
                if not events:
                    await wakeups.wait(1.0)
    finally:
        listeners.end()


def _added(system: ProductionEmailSystem, event: Event, own: Callback) -> list[Callback]:
    """What hears of the event beside the system's *own* handler, which may be among it.

    A monitor that was started, too, tells its listeners itself.
    """
    realtime = system.realtime_monitor
    monitor = realtime.email_monitor
    if event["type"] not in _MAIL or monitor.is_monitoring:
        return []
    added = (*monitor.callbacks, *realtime.notification_handlers)
    return [each for each in added if each not in (own, realtime.handle_email_event)]


def _guide_event(event: EventRecord) -> Event:
    from sage_mail.delivery.wire import encode

    told: Event = json.loads(encode(event, format="guide", endpoint=""))["event"]
    return told


@contextmanager
def _signals_to(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """A block during which the first signal goes to the handler; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, previous in before.items():
            signal.signal(number, previous if previous is not None else signal.SIG_DFL)

    def once(number: int, frame: FrameType | None) -> None:
        restore()
        handler(number, frame)

    for number in _SIGNALS:
        signal.signal(number, once)
    try:
        yield
    finally:
        restore()
