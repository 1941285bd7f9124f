"""Whether what the system depends on works now, and what to do where it does not.

Looks without touching: mailboxes are opened read-only, endpoints get a connection and no request, a
database that does not exist yet is not made.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpcore

from sage_imap.aio import IMAPClient
from sage_imap.errors import (
    AuthenticationFailed,
    CommandRejected,
    IMAPError,
    OperationTimeout,
    TLSRequired,
)
from sage_mail.classification.opening import configured
from sage_mail.configured import configured_pipeline
from sage_mail.delivery.notifications import NotificationSettings, service_of
from sage_mail.delivery.signing import signature_headers
from sage_mail.delivery.targets import GuardedNetwork, TargetRefused
from sage_mail.errors import (
    ConfigError,
    ModelUnusable,
    SchemaOutdated,
    SecretUnavailable,
    StorageError,
)
from sage_mail.files import why_unusable
from sage_mail.ingest.folders import find_watched
from sage_mail.settings import AccountSettings, FeedSettings, Settings, WebhookSettings
from sage_mail.storage import Storage, UnitOfWork, who_serves
from sage_mail.watchers.connecting import connect
from sage_mail.wording import counted, deliveries

__all__ = ["Finding", "examine"]

_ENDPOINT_TIMEOUT = 10.0
_WRITABLE = "name another folder, or let the user of sage-mail write there"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one subject; ``remedy`` says what to do where it is not ``ok``."""

    subject: str
    ok: bool
    text: str
    remedy: str = ""


async def examine(settings: Settings, tell: Callable[[Finding], None]) -> list[Finding]:
    """Examine everything, several things at a time; *tell* is called for each finding in order."""
    looks = [
        _collect(_folders(settings)),
        _collect(_database(settings)),
        _collect(_words(settings)),
        _collect(_model(settings)),
        *(_collect(_account(account)) for account in settings.accounts),
        *(_collect(_endpoint(webhook)) for webhook in settings.webhooks),
        *(_collect(_channel(channel)) for channel in settings.notifications),
        *([_collect(_feed(settings.feed))] if settings.feed.enabled else []),
    ]
    findings: list[Finding] = []
    for look in [asyncio.ensure_future(look) for look in looks]:
        for finding in await look:
            tell(finding)
            findings.append(finding)
    return findings


async def _collect(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]


async def _words(settings: Settings) -> AsyncIterator[Finding]:
    lists = len(settings.words.extra)
    if not lists:
        return
    try:
        configured_pipeline(settings)
    except ConfigError as error:
        yield Finding("word lists", False, str(error))
    else:
        yield Finding("word lists", True, f"{lists} read")


async def _folders(settings: Settings) -> AsyncIterator[Finding]:
    folders = {"data_dir": settings.data_dir, "report.folder": settings.report.folder}
    for key, folder in folders.items():
        if folder is not None and (problem := why_unusable(folder)):
            yield Finding(key, False, problem, _WRITABLE)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    url = settings.database_url
    path = Path(url.partition("///")[2]) if url.startswith("sqlite") else None
    if path is not None and not os.path.lexists(path):
        problem = why_unusable(path.parent)
        text = problem or "a new SQLite file will be made"
        yield Finding("database", not problem, text, _WRITABLE if problem else "")
        return
    try:
        storage = await Storage.open(url, blob_dir=settings.blob_dir, migrate=False)
    except SchemaOutdated as error:
        what = "empty; the tables will be made" if error.empty else "it will be brought up to date"
        yield Finding("database", True, f"{what} at the start")
        return
    except (ConfigError, StorageError) as error:
        yield Finding("database", False, str(error), "check database.url")
        return
    try:
        async with storage.read() as uow:
            found = [each async for each in _deliveries(uow, settings)]
    except StorageError as error:
        yield Finding("database", False, str(error), "check that it is running")
        return
    finally:
        await storage.close()
    yield Finding("database", True, "opened") if path is None else _opened(path)
    async for finding in _service(url):
        yield finding
    for finding in found:
        yield finding


async def _service(url: str) -> AsyncIterator[Finding]:
    """Who runs on the database now, if anybody does."""
    try:
        service = await who_serves(url)
    except StorageError as error:
        yield Finding("service", False, f"whether one runs cannot be told: {error}", "try again")
        return
    if service is not None:
        yield Finding("service", True, f"runs on the database now ({service})")


def _opened(path: Path) -> Finding:
    if path.stat().st_mode & stat.S_IROTH and path.parent.stat().st_mode & stat.S_IXOTH:
        text = f"opened; every user of this machine can read the mail in {path}"
        return Finding("database", True, text, f"chmod o= {path}*")
    return Finding("database", True, "opened")


async def _deliveries(uow: UnitOfWork, settings: Settings) -> AsyncIterator[Finding]:
    """What of the deliveries needs somebody."""
    waiting = {name: queue.count for name, queue in (await uow.outbox.waiting()).items()}
    for subscriber in settings.subscribers:
        kind = "webhook" if isinstance(subscriber, WebhookSettings) else "notification"
        count = waiting.pop(subscriber.name, 0)
        async for finding in _standing(uow, kind, subscriber.name, count):
            yield finding
    for name, count in sorted(waiting.items()):
        yield Finding(
            f"endpoint {name}",
            False,
            f"it is not configured; {deliveries(count)} waiting for it",
            f"configure it under this name, or give them up: sage-mail webhooks drop {name}",
        )


async def _standing(uow: UnitOfWork, kind: str, name: str, waiting: int) -> AsyncIterator[Finding]:
    """How the endpoint stands, where it gets nothing."""
    state = await uow.endpoints.get(name)
    wait = f"{deliveries(waiting)} waiting for it"
    if not state.enabled:
        text = f"disabled since {_moment(state.disabled_at)} ({state.reason}); {wait}"
        remedy = f"once it works again: sage-mail {kind}s enable {name}"
        yield Finding(f"{kind} {name}", False, text, remedy)
    elif state.failing_since is not None:
        why = await _last_error(uow, name)
        text = f"failing since {_moment(state.failing_since)} ({why}); {wait}"
        yield Finding(f"{kind} {name}", True, text, f"see sage-mail {kind}s attempts {name}")


async def _last_error(uow: UnitOfWork, name: str) -> str:
    for _, attempt in await uow.outbox.latest_attempts(name, limit=1, failed=True):
        return attempt.error or ""
    return "nothing is known of why"


def _moment(instant: datetime | None) -> str:
    """By the clock on the wall."""
    return "?" if instant is None else f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"


async def _model(settings: Settings) -> AsyncIterator[Finding]:
    if settings.classification.model == "none":
        return
    try:
        model = await asyncio.to_thread(configured, settings.classification)
    except ModelUnusable as error:
        yield Finding("trained model", False, str(error), "until then the rules serve alone")
        return
    if model is not None:
        yield Finding("trained model", True, f"{model.name}, for {', '.join(model.labels)}")


async def _account(account: AccountSettings) -> AsyncIterator[Finding]:
    subject = f"account {account.name}"
    try:
        client = await connect(account)
    except (IMAPError, OSError, SecretUnavailable) as error:
        text, remedy = _explain(account, error)
        yield Finding(subject, False, text, remedy)
        return
    try:
        yield Finding(subject, True, f"logged in at {account.host}:{account.effective_port}")
        for folder in account.folders:
            yield await _folder(client, f"{subject}, folder {folder}", folder)
    except (IMAPError, OSError) as error:
        text, remedy = _explain(account, error)
        yield Finding(subject, False, text, remedy)
    finally:
        await client.close()


async def _folder(client: IMAPClient, subject: str, folder: str) -> Finding:
    name = await find_watched(client, folder)
    if name is None:
        return Finding(subject, False, "does not exist", "create it or take it out of folders")
    try:
        selected = await client.select(name, readonly=True)
    except CommandRejected as error:
        return Finding(subject, False, str(error), "see whether the account may open it")
    if selected.uid_not_sticky:
        return Finding(
            subject, False, "the server keeps no UIDs for it", "watch another folder instead"
        )
    return Finding(subject, True, counted(selected.exists, "message", "messages"))


def _explain(account: AccountSettings, error: Exception) -> tuple[str, str]:
    where = f"{account.host}:{account.effective_port}"
    if isinstance(error, SecretUnavailable):
        return str(error), "put the secret there"
    if isinstance(error, AuthenticationFailed):
        return "the server refuses the log-in", (
            "check username and password; many providers want an app password or xoauth2"
        )
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(
        error.__cause__, ssl.SSLCertVerificationError
    ):
        return f"{where} shows a certificate that is not trusted", (
            "check host, or set ca_file to the certificate of its authority"
        )
    if isinstance(error, TLSRequired):
        return f"{where} offers no TLS", 'check port and security ("tls", "starttls")'
    if isinstance(error, OperationTimeout | TimeoutError):
        return f"{where} does not answer", "check host, port and the firewall"
    network = error if isinstance(error, OSError) else error.__cause__
    if isinstance(network, OSError):
        return f"{where} cannot be reached ({network.strerror or network})", "check host and port"
    return f"{where}: {error}", 'check port and security ("tls", "starttls")'


async def _endpoint(webhook: WebhookSettings) -> AsyncIterator[Finding]:
    subject = f"webhook {webhook.name}"
    try:
        secrets = await asyncio.to_thread(webhook.resolve_secrets)
        signature_headers("check", b"", at=datetime.now(UTC), secrets=secrets)  # well formed?
    except SecretUnavailable as error:
        yield Finding(subject, False, str(error), "put the secret there")
        return
    except ConfigError as error:
        yield Finding(subject, False, str(error), "correct the secret")
        return
    parts = urlsplit(webhook.url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(_ENDPOINT_TIMEOUT):
            await _touch(webhook, parts.hostname or "", port, secure=secure)
    except TargetRefused as error:
        yield Finding(subject, False, "nothing is posted to it", str(error))
        return
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError, TimeoutError) as error:
        what = str(error) or "it does not answer"
        text = f"no connection to {parts.hostname}:{port}: {what}"
        yield Finding(subject, False, text, "start it, or check its url")
        return
    yield Finding(subject, True, f"reachable at {parts.hostname}:{port}")


async def _channel(channel: NotificationSettings) -> AsyncIterator[Finding]:
    # Not whether the service is there: Apprise has a hundred, and no way to ask without sending.
    subject = f"notification {channel.name}"
    try:
        service = await asyncio.to_thread(service_of, channel)
    except SecretUnavailable as error:
        yield Finding(subject, False, str(error), "put the url there")
    except ConfigError as error:
        yield Finding(subject, False, str(error), "correct the url")
    else:
        remedy = f"to be sure: sage-mail notifications test {channel.name}"
        yield Finding(subject, True, f"by {service}; {remedy}")


async def _touch(webhook: WebhookSettings, host: str, port: int, *, secure: bool) -> None:
    """Connect as a delivery would, and hang up."""
    threads = ThreadPoolExecutor(1)
    network = GuardedNetwork(threads, allow_private=webhook.allow_private)
    try:
        stream = await network.connect_tcp(host, port)
        if secure:
            stream = await stream.start_tls(ssl.create_default_context(), server_hostname=host)
        await stream.aclose()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


async def _feed(feed: FeedSettings) -> AsyncIterator[Finding]:
    # Not whether the port is free: the service may be running.
    try:
        await asyncio.to_thread(feed.resolve_token)
    except SecretUnavailable as error:
        yield Finding("feed", False, str(error), "put the token there")
    except ConfigError as error:
        yield Finding("feed", False, str(error), "set another token")
    else:
        yield Finding("feed", True, "has a token")
