"""Everything that runs, from the settings: started in order, stopped in time.

Started: the locks on the store, the database at its newest schema, the port for HTTP, the drains,
the accounts. What a crash has left half done needs no phase of its own: planned actions are looked
into by the worker of their account, pending deliveries by their drain, attachments that wait for
their analysis by its worker, and the mailboxes by their first resync.

Stopped: watchers and drains at once, or, with their connections, when their critical section (a
commit, a MOVE with its journal entry) is through or the time is up; then, after the last report,
the database. What is cut off is done again or found out at the next start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sage_mail.attachments.worker import AttachmentWorker
from sage_mail.configured import configured_pipeline, usable_model
from sage_mail.delivery.drains import Drains
from sage_mail.ingest.preparing import Preparer
from sage_mail.ingest.scope import CriticalSections, Scope
from sage_mail.locking import StoreLock
from sage_mail.metrics import Metrics
from sage_mail.monitoring import Monitor
from sage_mail.pipeline import Pipeline
from sage_mail.reporting import Reporter, require_folder
from sage_mail.settings import AccountSettings, Settings
from sage_mail.storage import Storage, sole_service
from sage_mail.systemd import keep_watchdog_quiet, notify
from sage_mail.telemetry import get_logger
from sage_mail.watchers.account import AccountWatcher
from sage_mail.watchers.originals import Originals
from sage_mail.watchers.supervision import supervise

if TYPE_CHECKING:
    from sage_mail.console.service import HttpService

__all__ = ["Runtime", "run_until_signalled"]

_log = get_logger(__name__)

# Parsing and scoring release the GIL in part only; more threads than this wait for each other.
_THREADS = min(4, os.cpu_count() or 1)
# Kept back from the time that a stop may take, for closing the database and the interpreter, and
# for the last report.
_CLOSING_SECONDS = 1.5
_REPORT_SECONDS = 1.0


class Runtime:
    """The running system, within an ``async with`` block.

    ``storage`` is open within the block: live displays follow ``storage.commits`` and read events.
    ``monitor`` says how the system is. *grace* is how many seconds a vanished message is looked for
    before it counts as deleted.

    Entering raises `AlreadyRunning`, `ConfigError` or `StorageError`, and nothing runs then.
    """

    def __init__(
        self, settings: Settings, *, pipeline: Pipeline | None = None, grace: float = 5.0
    ) -> None:
        self.settings = settings
        self._pipeline = pipeline
        self._grace = grace
        self._sections = CriticalSections()
        self._stack = AsyncExitStack()
        self._metrics = Metrics()
        self._storage: Storage | None = None
        self._monitor: Monitor | None = None
        self._reporter: Reporter | None = None
        self._watchers: list[AccountWatcher] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sage-mail")

    @property
    def storage(self) -> Storage:
        """The open storage."""
        if self._storage is None:
            raise RuntimeError("the runtime is not running")
        return self._storage

    @property
    def monitor(self) -> Monitor:
        """What says how the system is."""
        if self._monitor is None:
            raise RuntimeError("the runtime is not running")
        return self._monitor

    async def __aenter__(self) -> Self:
        settings = self.settings
        async with AsyncExitStack() as stack:
            stack.enter_context(StoreLock(settings.data_dir))
            require_folder(settings.report)
            tenure = await stack.enter_async_context(sole_service(settings.database_url))
            if self._pipeline is None:
                # The libraries of a trained model take some seconds to load.
                self._pipeline = await asyncio.to_thread(_pipeline, settings)
            self._storage = await Storage.open(
                settings.database_url, blob_dir=settings.blob_dir, tenure=tenure
            )
            stack.push_async_callback(self._storage.close)
            preparer = Preparer(self._pipeline, self._threads)
            stack.callback(preparer.close)
            for account in settings.accounts:
                scope = await self._scope(account, preparer)
                self._watchers.append(AccountWatcher(scope))
            drains = self._drains()
            self._monitor = await self._looking(drains)
            service = await self._service(self._monitor)
            if service is not None:
                stack.callback(service.close)
            self._stack = stack.pop_all()
        self._reporter = Reporter(self._monitor, settings.report)
        self._start(drains, service, self._reporter)
        _log.info("started", accounts=len(settings.accounts), endpoints=len(settings.subscribers))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        spared = _CLOSING_SECONDS + _REPORT_SECONDS
        until = loop.time() + self.settings.shutdown_timeout - spared
        _log.info("stopping")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=max(0.1, until - loop.time()))
        await self._sections.finish(max(0.1, until - loop.time()))
        with suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_SECONDS):
                await self.report(final=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._stack.aclose()
        _log.info("stopped")

    async def failed(self) -> None:
        """Wait for ever; if a task ends by itself, raise what it raised.

        That is `AlreadyRunning` if another service has taken over the database; all else is a bug.
        """
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def look(self) -> None:
        """Have every folder compared with its server as a whole, and return when that is done.

        While a server cannot be reached this waits for it.
        """
        await asyncio.gather(*(watcher.look() for watcher in self._watchers))

    async def report(self, *, final: bool = False) -> dict[str, Any]:
        """Tell how it went since the last report, or with *final* since the start."""
        if self._reporter is None:
            raise RuntimeError("the runtime is not running")
        return await self._reporter.report(final=final)

    def _drains(self) -> Drains:
        settings = self.settings
        originals = Originals(settings.accounts)
        return Drains(
            self.storage,
            settings.webhooks,
            notifications=settings.notifications,
            fetch=originals.fetch,
            metrics=self._metrics,
        )

    async def _looking(self, drains: Drains) -> Monitor:
        monitor = Monitor(
            self.storage,
            self._metrics,
            accounts=self._watchers,
            drains=drains,
            endpoints=[endpoint.name for endpoint in self.settings.subscribers],
        )
        await monitor.begin()
        return monitor

    async def _service(self, monitor: Monitor) -> HttpService | None:
        """What answers HTTP, listening; None where that is off."""
        settings = self.settings
        if not settings.http.enabled:
            return None
        # Imported late, since FastAPI takes a third of a second and may not be wanted.
        from sage_mail.console.service import HttpService

        return await HttpService.open(self.storage, settings.feed, settings.http, monitor)

    def _start(self, drains: Drains, service: HttpService | None, reporter: Reporter) -> None:
        analysing = self.settings.attachments.enabled
        works = {
            "tenure": self.storage.tenure.run(),
            "pulse": self.monitor.pulse.run(),
            "drains": drains.run(),
            **({"http": service.run()} if service is not None else {}),
            "reports": reporter.run(),
            **({"attachments": self._analyse()} if analysing else {}),
            **{f"account {watcher.account}": watcher.run() for watcher in self._watchers},
        }
        self._tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]

    async def _analyse(self) -> None:
        settings = self.settings
        worker = AttachmentWorker(self.storage, settings.attachments, settings.subscribers)
        await supervise("attachments", worker.run, account="")

    async def _scope(self, account: AccountSettings, preparer: Preparer) -> Scope:
        async with self.storage.unit_of_work() as uow:
            record = await uow.accounts.get_or_create(account.name)
            await uow.commit()
        return Scope(
            settings=account,
            account_id=record.id,
            storage=self.storage,
            preparer=preparer,
            routing=self.settings.routing,
            endpoints=self.settings.subscribers,
            sections=self._sections,
            metrics=self._metrics,
            grace=self._grace,
            analyses=self.settings.attachments.enabled,
        )


def _pipeline(settings: Settings) -> Pipeline:
    return configured_pipeline(settings, usable_model(settings))


def run_until_signalled(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM, then end the process with exit code 0.

    A second signal ends it at once. Raises what `Runtime` raises if it cannot be started.
    """
    runner = asyncio.Runner()
    try:
        runner.run(_serve(settings))
    except BaseException:
        runner.close()
        raise
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread that parses a monster, or waits for a keyring, would hold up the runner's close and
    # the interpreter's exit. All that matters is committed.
    os._exit(0)


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        if stop.is_set():
            os._exit(0)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)
    async with Runtime(settings) as runtime:
        notify("READY=1")
        barking = asyncio.create_task(keep_watchdog_quiet())
        stopping = asyncio.ensure_future(stop.wait())
        failing = asyncio.ensure_future(runtime.failed())
        await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
        notify("STOPPING=1")
        if failing.done():
            failing.result()
        failing.cancel()
        barking.cancel()
