"""Handing a note to its service, by way of Apprise, in a thread that nobody waits for too long."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from email import charset
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sage_mail.errors import ConfigError
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_mail.delivery.notifications.settings import NotificationSettings
    from sage_mail.delivery.notifications.texts import Note

__all__ = ["Channel", "service_of"]

_log = get_logger(__name__)

_SLACK_WEBHOOK: Final = "hook"
_LOUD: Final = ("WARNING", "ERROR", "CRITICAL")
_DETAILS: Final = "Response Details:"
# A word of the kind that services use for what is wrong: "invalid_payload".
_CODE: Final = re.compile(r"[a-z]{1,20}(_[a-z]{1,20}){1,5}")
_STATUS: Final = re.compile(r"error=([1-5][0-9]{2})\b")


class Channel:
    """One channel's service; the address is read anew for each note, so that it may be rotated."""

    def __init__(self, settings: NotificationSettings) -> None:
        self._settings = settings
        self._thread = _new_thread()

    async def send(self, note: Note) -> str | None:
        """Send the note; None, or in a few words without secrets why it did not go out."""
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._thread, _send, self._settings, note)
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await sending
        except TimeoutError:
            # The thread cannot be ended; whatever comes next shall not wait for it.
            self.close()
            self._thread = _new_thread()
            return f"no answer within {self._settings.timeout:g} s; it may have gone out"
        except ConfigError as error:
            return str(error)

    def close(self) -> None:
        """Let go of the thread; what it does may still come to its end."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def service_of(settings: NotificationSettings) -> str:
    """The service that the channel's address names ("ntfy", "Slack"); nothing is sent. It blocks.

    Raises:
        ConfigError: the address cannot be had, or Apprise does not understand it.
    """
    return str(_plugin(settings).service_name)


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="sage-mail notification")


def _send(settings: NotificationSettings, note: Note) -> str | None:
    service = _plugin(settings)
    from apprise import Apprise, NotifyFormat, NotifyType

    kind = NotifyType.WARNING if note.urgent else NotifyType.INFO
    try:
        # By the container, which makes of plain text what the service takes, HTML for one.
        container = Apprise(service, asset=service.asset)
        result = container.notify(
            body=note.body,
            title=note.title,
            notify_type=kind,
            body_format=NotifyFormat.TEXT,
            log_level=logging.DEBUG,  # what a service answers is told there alone
        )
    except Exception as error:  # noqa: BLE001 - the edge: a hundred plug-ins, each with its own
        _log.warning("notification_failed", name=settings.name, error=type(error).__name__)
        return f"the service failed with {type(error).__name__}"
    return None if result else _reason(result)


def _plugin(settings: NotificationSettings) -> Any:
    apprise = _apprise()
    # Its lines quote addresses and what the services answered, so nobody but us hears of them.
    logging.getLogger("apprise").propagate = False
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    asset = apprise.AppriseAsset(
        app_id="Sage", app_desc="Sage", app_url="", async_mode=False, http_redirects=False
    )
    service: Any = apprise.Apprise.instantiate(settings.resolve_url(), asset=asset)
    if service is None:
        raise ConfigError(
            f'notification "{settings.name}": its url is no address that Apprise knows; '
            "see https://github.com/caronc/apprise/wiki"
        )
    if settings.slack_address is not None:
        if getattr(service, "mode", None) != _SLACK_WEBHOOK:
            raise ConfigError(
                f'notification "{settings.name}": slack_address needs the url of an incoming '
                "webhook, slack://TokenA/TokenB/TokenC/"
            )
        service.webhook_url = settings.slack_address.rstrip("/")
    return service


@cache
def _apprise() -> Any:
    """The library with its plug-ins; imported late, since that takes a third of a second.

    One of them changes how Python's own package writes all mail in UTF-8; that is put back.
    """
    kept = dict(charset.CHARSETS)
    import apprise

    apprise.Apprise.instantiate("json://localhost")
    charset.CHARSETS.update(kept)
    return apprise


def _reason(result: Any) -> str:
    """Why it was not taken, in our own words: those of the services hold what is secret."""
    entries = [entry for service in result for attempt in service for entry in attempt.logs]
    # What is less than a warning may quote the note.
    lines = [entry.message for entry in entries if entry.level in _LOUD]
    for line in reversed(lines):
        if (status := _STATUS.search(line)) is not None:
            if status[1].startswith("2"):
                answer = _answer(entry.message for entry in entries)
                return f"the service answered HTTP {status[1]}, but {answer}"
            return f"the service refused it with HTTP {status[1]}"
        if "onnection error" in line:
            return "the service cannot be reached"
    return "the service did not take it"


def _answer(lines: Iterable[str]) -> str:
    """What came instead of what confirms a note: its kind, and no word that may be secret."""
    found = [line.removeprefix(_DETAILS).strip() for line in lines if line.startswith(_DETAILS)]
    if not found:
        return "did not confirm it"
    text = found[-1].removeprefix("b").strip("'\"").strip()
    kind = {"": "nothing", "{": "JSON", "[": "JSON", "<": "a web page"}.get(text[:1])
    came = f'"{text}"' if _CODE.fullmatch(text) else kind or f"{len(text)} characters"
    return f'with {came} instead of a confirmation such as "ok"'
