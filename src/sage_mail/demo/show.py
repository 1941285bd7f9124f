"""The demo itself: server, system, receiver, page and terminal, from their start to their end."""

from __future__ import annotations

import asyncio
import secrets
import signal
from base64 import b64encode
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import SecretStr
from rich.console import Console
from rich.live import Live
from rich.table import Table

from sage_imap.config import IMAPConfig
from sage_mail.console.app import create_app
from sage_mail.console.board import Board
from sage_mail.console.server import serve
from sage_mail.delivery.feed import Feed
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.demo.audit import Account, take_stock
from sage_mail.demo.phone import Phone
from sage_mail.demo.postman import Postman
from sage_mail.demo.receiver import Receiver
from sage_mail.demo.server import EmbeddedServer, embedded_server
from sage_mail.demo.terminal import picture
from sage_mail.records import ActionStatus, DeliveryStatus
from sage_mail.runtime import Runtime
from sage_mail.settings import (
    AccountSettings,
    HttpSettings,
    RoutingSettings,
    Settings,
    WebhookSettings,
)

__all__ = ["run_demo"]

_REDRAW: Final = 0.25
_SETTLE_SECONDS: Final = 20.0


@dataclass(slots=True)
class _Stage:
    """All that is running while the demo is on."""

    runtime: Runtime
    server: EmbeddedServer
    receiver: Receiver
    phone: Phone
    postman: Postman
    board: Board
    address: str


async def run_demo(*, seconds: float | None, pause: float, port: int) -> int:
    """Show the system at work; the exit status.

    *seconds* is how long mail goes on arriving, None: until Ctrl-C. *pause* lies between two mails,
    *port* is the page's (0: any free one). At the end the counts are added up; the status is 1
    where they do not agree.
    """
    console = Console()
    over = asyncio.Event()
    _end_on_signals(over)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sage-demo-")))
        stage = await _set_up(stack, folder, pause=pause, port=port)
        if not console.is_terminal:
            console.print(f"live page {stage.address}")
        await _play(stage, console, over, seconds)
        account = await take_stock(
            stage.runtime.storage,
            stage.receiver,
            stage.phone,
            _login(stage.server),
            stage.postman.delivered,
        )
    return _report(console, account)


async def _set_up(stack: AsyncExitStack, folder: Path, *, pause: float, port: int) -> _Stage:
    server = await stack.enter_async_context(embedded_server())
    secret = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    receiver = Receiver(secret)
    hook = await stack.enter_async_context(serve(receiver.app))
    phone = Phone()
    push = await stack.enter_async_context(serve(phone.app))
    settings = _settings(folder, server, _webhook(hook, secret), _push(push))
    runtime = await stack.enter_async_context(Runtime(settings))
    feed = await stack.enter_async_context(Feed(runtime.storage).running())
    app = create_app(runtime.storage, feed)
    address = await stack.enter_async_context(serve(app, port=port))
    stack.callback(feed.close)
    return _Stage(
        runtime=runtime,
        server=server,
        receiver=receiver,
        phone=phone,
        postman=Postman(server, pause=pause),
        board=Board(runtime.storage),
        address=address,
    )


def _webhook(url: str, secret: str) -> WebhookSettings:
    return WebhookSettings(name="receiver", url=url, allow_private=True, secret=secret)


def _push(address: str) -> NotificationSettings:
    """A telephone that rings for what is urgent, at any hour and as often as that comes."""
    url = SecretStr(address.replace("http://", "ntfy://") + "/mail")
    return NotificationSettings(
        name="phone", channel="push", url=url, priorities=["high"], most_per_hour=3600
    )


def _settings(
    folder: Path, server: EmbeddedServer, webhook: WebhookSettings, push: NotificationSettings
) -> Settings:
    """Everything that a first user would switch on one after the other."""
    return Settings(
        data_dir=folder,
        http=HttpSettings(enabled=False),  # the demo has a page of its own
        accounts=[
            AccountSettings(
                name="demo",
                host=server.host,
                port=server.port,
                security="plain",
                username=server.username,
                password=server.password,
                initial="all",
            )
        ],
        routing=RoutingSettings(enabled=True, mark_seen=True),
        webhooks=[webhook],
        notifications=[push],
    )


def _login(server: EmbeddedServer) -> IMAPConfig:
    return IMAPConfig(
        host=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        security="plain",
    )


async def _play(
    stage: _Stage, console: Console, over: asyncio.Event, seconds: float | None
) -> None:
    """Let mail arrive until it is over, then wait for the last to be done with."""
    bringing = asyncio.create_task(stage.postman.run(over))
    drawing = asyncio.create_task(_draw(stage, console) if console.is_terminal else over.wait())
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await over.wait()
        over.set()
        await bringing
        await _settle(stage)
    finally:
        drawing.cancel()
        with suppress(asyncio.CancelledError):
            await drawing


async def _draw(stage: _Stage, console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while True:
            await stage.board.refresh()
            live.update(
                picture(stage.board, arrived=stage.postman.delivered, address=stage.address),
                refresh=True,
            )
            await asyncio.sleep(_REDRAW)


async def _settle(stage: _Stage) -> None:
    """Wait until nothing is on its way any more, as long as it gets less."""
    loop = asyncio.get_running_loop()
    left, patience = await _on_its_way(stage), loop.time() + _SETTLE_SECONDS
    while left and loop.time() < patience:
        await asyncio.sleep(_REDRAW)
        before, left = left, await _on_its_way(stage)
        if left < before:
            patience = loop.time() + _SETTLE_SECONDS


async def _on_its_way(stage: _Stage) -> int:
    """How many mails are not stored, moves not made and deliveries not over."""
    async with stage.runtime.storage.read() as uow:
        stored = len(await uow.messages.latest(stage.postman.delivered + 1))
        actions = await uow.actions.counts()
        outbox = await uow.outbox.counts()
        dead = await uow.dead_letters.count()
    planned = sum(n for (_, status), n in actions.items() if status is ActionStatus.PLANNED)
    pending = sum(each.get(DeliveryStatus.PENDING, 0) for each in outbox.values())
    # A mail that is stored may bring moves and deliveries, so it weighs more than all of those.
    return 100 * max(0, stage.postman.delivered - stored - dead) + planned + pending


def _report(console: Console, account: Account) -> int:
    table = Table(title="What happened", show_header=False)
    for name, count in (
        ("mails arrived", account.arrived),
        ("stored", account.stored),
        ("announced", account.announced),
        ("received, signature verified", account.received),
        ("rung through to the telephone", account.rung),
        ("filed", account.filed),
        ("dead letters", account.dead),
    ):
        table.add_row(name, str(count))
    for folder, count in sorted(account.in_folders.items()):
        table.add_row(f"in {folder}", str(count))
    console.print(table)
    problems = list(account.problems())
    for problem in problems:
        console.print(f"[red]does not add up:[/] {problem}")
    if not problems:
        console.print("Every mail was stored once, announced once, and is where it belongs.")
    return 1 if problems else 0


def _end_on_signals(over: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
