"""Logs: one line an occurrence, each with an ``action``, none with mail or secrets in it.

``log.info("message_stored", account="work", uid=17)`` - the action is what happened, in snake case;
all else are facts. Two nets are spread below the callers' own care: facts whose names speak of
secrets or of mail are replaced, and so are addresses and the paths of URLs inside any text.
Lines of other libraries come the same way, from WARNING up, under the action ``library_log``.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from sage_mail.files import make_private_folder

__all__ = ["Logger", "clean_text", "configure", "get_logger"]

_REDACTED = "[redacted]"
_ACTION = re.compile(r"[a-z][a-z0-9_.]*\Z")
# A fact is replaced if one of the words of its name is among the first, or its whole name among
# the second: `from` is an address, but `from_mailbox` is not.
_PRIVATE_WORDS = frozenset(
    {"password", "passwd", "passphrase", "secret", "token", "authorization", "cookie"}
    | {"credential", "credentials", "apikey", "subject", "body", "html", "preview"}
    | {"address", "addresses", "sender", "recipient", "recipients", "username"}
)
_PRIVATE_NAMES = frozenset({"from", "to", "cc", "bcc", "reply_to", "email", "plain", "user"})
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
_URL = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s/?#\"']+)[^\s\"']*", re.IGNORECASE)
_OURS = ("sage_mail", "sage_imap")
_HANDLER = "sage-mail"


class Logger:
    """A log for one module; `get_logger` makes it."""

    def __init__(self, name: str) -> None:
        self._bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            logging.getLogger(name),
            processors=_CALLER_PROCESSORS,
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def debug(self, action: str, /, **facts: object) -> None:
        """Log what only a developer wants to know."""
        self._bound.debug(action, facts=facts)

    def info(self, action: str, /, **facts: object) -> None:
        """Log what happened as it should."""
        self._bound.info(action, facts=facts)

    def warning(self, action: str, /, **facts: object) -> None:
        """Log what went wrong and was dealt with."""
        self._bound.warning(action, facts=facts)

    def error(self, action: str, /, **facts: object) -> None:
        """Log what went wrong and needs somebody; ``exc_info=True`` adds the traceback."""
        self._bound.error(action, facts=facts)


def get_logger(name: str) -> Logger:
    """The log of a module; usable at import, before `configure` and without it."""
    return Logger(name)


def configure(
    level: str = "INFO",
    format: Literal["json", "console"] = "json",  # noqa: A002 - the name of the setting
    *,
    stream: TextIO | None = None,
    file: Path | None = None,
    strict: bool = False,
) -> None:
    """Send all logs to the stream (stderr by default), ours from the given level up.

    With a *file* they are appended to it as well; whoever rotates it may move it away at any time.
    Raises `OSError` where it cannot be opened.

    May be called again; the last call counts. ``strict`` makes a line without a proper action
    raise ValueError at its caller instead of being logged as ``unnamed``.
    """
    _Strictness.on = strict
    target = stream if stream is not None else sys.stderr
    handlers: list[logging.Handler] = [_Stream(target)]
    handlers[0].setFormatter(_formatter(format, colors=target.isatty()))
    if file is not None:
        make_private_folder(file.parent)
        handlers.append(_File(file, encoding="utf-8"))
        handlers[1].setFormatter(_formatter(format, colors=False))
    root = logging.getLogger()
    for old in [known for known in root.handlers if known.get_name() == _HANDLER]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.set_name(_HANDLER)
        root.addHandler(handler)
    # Others' INFO lines quote URLs (httpx) and statements (SQLAlchemy).
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    structlog.configure(
        processors=_CALLER_PROCESSORS,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


class _Terse(logging.Handler):
    """A handler that says that a line was lost, and not what stood in it.

    What the standard library would say quotes the facts as they were before they were cleaned.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exc_info()[1]
        with suppress(OSError, ValueError):
            sys.stderr.write(f"sage-mail: a line of the log was lost: {type(error).__name__}\n")


class _Stream(_Terse, logging.StreamHandler[TextIO]):
    """The way to a stream."""


class _File(_Terse, logging.handlers.WatchedFileHandler):
    """The way to a file, which is opened anew when somebody has moved it away.

    One that we make is its owner's alone, or open to those to whom the one before was.
    """

    _mode = 0o600

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        os.close(os.open(self.baseFilename, flags, self._mode))
        stream = super()._open()
        self._mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        return stream


class _Strictness:
    on = False


class _Facts(dict[str, Any]):
    """The facts of a line, which print themselves as a sentence.

    That is what is seen where logs go through handlers that `configure` has not made: those of the
    program that uses us, or the last resort of the standard library.
    """

    def __str__(self) -> str:
        facts = _redact(None, "", dict(self))
        for known in ("level", "logger", "timestamp"):
            facts.pop(known, None)
        action, remedy, trace = (facts.pop(key, "") for key in ("action", "remedy", "exception"))
        told = ", ".join(
            f"{key.replace('_', ' ')} {value}" for key, value in facts.items() if value is not None
        )
        text = "; ".join(filter(None, (told, str(remedy))))
        return "".join((str(action), text and f": {text}", trace and f"\n{trace}"))


def _printable(logger: object, method: str, event: EventDict) -> EventDict:
    return _Facts(event)


def _require_action(logger: object, method: str, event: EventDict) -> EventDict:
    """Spread the facts and see that the line says what happened."""
    facts = event.pop("facts", None)
    if isinstance(facts, Mapping):
        event = {"action": event.pop("event", None), **facts, **event}
    action = event.get("action")
    if not isinstance(action, str) or not _ACTION.match(action):
        if _Strictness.on:
            raise ValueError("a log line needs an action in snake case, e.g. 'message_stored'")
        event["action"] = "unnamed"
    return event


def _foreign_action(logger: object, method: str, event: EventDict) -> EventDict:
    event["action"] = "library_log"
    event["message"] = event.pop("event", "")
    return event


def _redact(logger: object, method: str, event: EventDict) -> EventDict:
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: object) -> object:
    if value is not None and _is_private(key.lower()):
        return _REDACTED
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean_text(str(value))


def _is_private(key: str) -> bool:
    return key in _PRIVATE_NAMES or not _PRIVATE_WORDS.isdisjoint(key.split("_"))


def clean_text(text: str) -> str:
    """The text without addresses, and without what follows the host in a URL."""
    if "://" in text:
        text = _URL.sub(r"\1\2/...", text)
    if "@" in text:
        text = _ADDRESS.sub("[address]", text)
    return text


def _order(logger: object, method: str, event: EventDict) -> EventDict:
    """Put what every line has first, for the eye."""
    head = {key: event[key] for key in ("timestamp", "level", "action", "logger") if key in event}
    return {**head, **event}


def _formatter(shape: str, *, colors: bool) -> logging.Formatter:
    shared: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redact,
        _order,
    ]
    renderers: list[Processor] = (
        [structlog.processors.JSONRenderer()]
        if shape == "json"
        else [structlog.dev.ConsoleRenderer(colors=colors, event_key="action")]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _timestamp,
            _foreign_action,
        ],
        processors=[*shared, *renderers],
    )


_timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_CALLER_PROCESSORS: list[Processor] = [
    structlog.stdlib.filter_by_level,
    _require_action,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _timestamp,
    # Here, because the exception is over where a record is formatted in another thread.
    structlog.processors.format_exc_info,
    _printable,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
