"""Every error that the library raises on purpose.

::

    IMAPError
    ├── LocalProtocolError          the caller asked for something that cannot be sent
    │   ├── CapabilityMissing       the server does not offer what the operation needs
    │   ├── ConcurrencyError        the same connection was re-entered while it was busy
    │   ├── ConfigurationError      a connection setting is missing, misspelt or contradictory
    │   └── MailboxMismatch         a message set belongs to another mailbox or UIDVALIDITY
    ├── RemoteProtocolError         the server sent something that is not IMAP
    │   ├── LimitExceeded           ... or more of it than we accept
    │   └── TLSRequired             the server would have the session go on without TLS
    ├── CommandRejected             the server answered NO or BAD
    │   ├── AuthenticationFailed
    │   ├── MailboxNotFound
    │   ├── MailboxExists
    │   ├── PermissionDenied
    │   ├── QuotaExceeded
    │   └── Throttled               try again later, after ``retry_after`` if it is known
    ├── MessageUnreadable           what came of one message cannot be understood
    ├── MessageGone                 one message is not in the mailbox any more
    ├── MarkFailed                  a handler is done with a message that is not marked as seen
    ├── BatchFailed                 some messages of a batch were not processed
    ├── UIDValidityChanged          the UIDs that the caller holds mean other messages now
    └── ConnectionLost              the connection ended before the answer was complete
        ├── ServerClosing           ... with a BYE
        ├── OperationTimeout        ... because nothing came within the deadline
        └── TLSFailed               ... because TLS was not agreed on: certificate, version, cipher

Six attributes say what is still usable, and what the server said:

``retryable``
    the same call may succeed later without anybody changing anything.
``retry_after``
    seconds that the server asked us to wait, ``None`` if it named none.
``connection_usable``
    the connection may go on being used.
``outcome_known``
    it is certain whether the server carried the command out. ``False`` after a connection was
    lost in the middle of a command: look before you repeat it.
``partial``
    what the operation had done before, in the type of its result, where it is carried out in
    portions: a `MoveResult` of what did move, and of what is copied or in doubt, the rows of a
    fetch, a `StoreResult`, a `UIDSet` of what was removed; of a service's method, whose result is
    an `OperationResult`, such a one. ``None`` where nothing is known to be done.
``text``
    the server's own words of a NO, BAD or BYE, else empty. They are in no message, since servers
    quote addresses and names of mailboxes.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = [
    "AuthenticationFailed",
    "BatchFailed",
    "CapabilityMissing",
    "CommandRejected",
    "ConcurrencyError",
    "ConfigurationError",
    "ConnectionLost",
    "IMAPError",
    "LimitExceeded",
    "LocalProtocolError",
    "MailboxExists",
    "MailboxMismatch",
    "MailboxNotFound",
    "MarkFailed",
    "MessageGone",
    "MessageUnreadable",
    "OperationTimeout",
    "PermissionDenied",
    "QuotaExceeded",
    "RemoteProtocolError",
    "ServerClosing",
    "TLSFailed",
    "TLSRequired",
    "Throttled",
    "UIDValidityChanged",
]


class IMAPError(Exception):
    """The root of the tree; see the module's docstring for its attributes."""

    retryable: bool = False
    retry_after: float | None = None
    connection_usable: bool = True
    outcome_known: bool = True
    partial: object | None = None
    text: str = ""


class LocalProtocolError(IMAPError):
    """The caller asked for something that IMAP cannot say; nothing was sent."""


class CapabilityMissing(LocalProtocolError):
    """The server does not offer the extension that the operation needs; nothing was sent."""

    def __init__(self, capability: str, purpose: str = "") -> None:
        self.capability = capability
        suffix = f", which {purpose} needs" if purpose else ""
        super().__init__(f"the server does not offer {capability}{suffix}; nothing was sent")


class ConcurrencyError(LocalProtocolError):
    """The connection is busy with an operation that the same thread or task started."""


class ConfigurationError(LocalProtocolError):
    """A connection setting is missing, misspelt or contradicts another one."""


class MailboxMismatch(LocalProtocolError):
    """A message set belongs to another mailbox, or to another UIDVALIDITY of it."""


class MessageUnreadable(IMAPError):
    """What the server sent of one message cannot be understood; its neighbours are whole."""


class MessageGone(IMAPError):
    """A message that was asked for is not in the mailbox any more."""


class MarkFailed(IMAPError):
    """A handler is done with a message, but it was not marked as seen; ``__cause__`` is why.

    A search for unseen messages finds it again: mark it, and do not hand it out a second time.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"the message was processed but not marked as seen, because of {type(cause).__name__}: "
            "mark it instead of processing it again"
        )
        self.__cause__ = cause


class BatchFailed(IMAPError):
    """Some messages of a batch were not processed; the result's ``failures`` say which and why.

    Of the *failed* ones, *unmarked* were processed and could not be marked as seen.
    """

    def __init__(
        self, failed: int, total: int, first: Exception | None = None, *, unmarked: int = 0
    ) -> None:
        self.failed = failed
        self.total = total
        self.unmarked = unmarked
        what = f"{failed - unmarked} of {total} messages were not processed"
        if unmarked:
            what += f" and {unmarked} were processed but not marked as seen"
        why = "" if first is None else f"; the first because of {type(first).__name__}"
        super().__init__(what + why)
        self.__cause__ = first


class RemoteProtocolError(IMAPError):
    """The server sent something that is not IMAP; the connection is closed."""

    connection_usable = False
    outcome_known = False


class LimitExceeded(RemoteProtocolError):
    """The server sent more than the limits of `sage_imap.protocol.limits` accept."""


class TLSRequired(RemoteProtocolError):
    """TLS was demanded and the server would have the session go on without it."""

    outcome_known = True


class CommandRejected(IMAPError):
    """The server answered NO or BAD.

    ``status`` is ``"NO"`` or ``"BAD"``, ``code`` the name of the response code in upper case
    (RFC 5530) or ``None``, ``text`` the server's own words, ``command`` the name of the command
    or empty. The message of the exception holds all of that but the text, since servers quote
    addresses and mailbox names there and messages of exceptions are logged.
    """

    default_retryable: ClassVar[bool] = False
    meaning: ClassVar[str] = ""

    def __init__(
        self,
        status: str,
        code: str | None = None,
        text: str = "",
        *,
        command: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.text = text
        self.command = command
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after = retry_after
        meaning = self.meaning or (_NOT_UNDERSTOOD if status == "BAD" else "")
        super().__init__(
            (f"{command}: " if command else "")
            + f"the server answered {status}"
            + (f" [{code}]" if code else "")
            + (f", {meaning}" if meaning else "")
            + ("; no mailbox is selected now" if command in _SELECTING else "")
        )


_SELECTING: Final = ("SELECT", "EXAMINE")  # RFC 9051 section 6.3.2
# BAD is for what is no command (RFC 9051 section 7.1.3): an unknown search key, item or flag.
_NOT_UNDERSTOOD: Final = "which says that it does not understand the command or an argument of it"


class AuthenticationFailed(CommandRejected):
    """Credentials, or the right to sign in, are the matter.

    ``details`` holds the decoded JSON of a SASL error challenge (RFC 7628 section 3.2.2), empty
    where the server sent none.
    """

    meaning = (
        "which is about signing in: check user name and password; "
        "many providers want an app password or a token"
    )

    def __init__(
        self,
        status: str,
        code: str | None = None,
        text: str = "",
        *,
        command: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(
            status, code, text, command=command, retryable=retryable, retry_after=retry_after
        )
        self.details = details or {}


class MailboxNotFound(CommandRejected):
    """The mailbox does not exist (NONEXISTENT, TRYCREATE)."""

    meaning = "there is no such mailbox"


class MailboxExists(CommandRejected):
    """The mailbox to be created exists already (ALREADYEXISTS)."""

    meaning = "there is a mailbox of that name already"


class PermissionDenied(CommandRejected):
    """The user may not do that (NOPERM)."""

    meaning = "the user has no right to do that"


class QuotaExceeded(CommandRejected):
    """The mailbox or the account is full (OVERQUOTA)."""

    meaning = "the mailbox or the account is full"


class Throttled(CommandRejected):
    """The server is busy or has had enough of us for now."""

    default_retryable = True
    meaning = "which asks to try again later"


class UIDValidityChanged(IMAPError):
    """The mailbox's UIDVALIDITY is not the one that the caller's UIDs belong to.

    Where the server tells it of the selected mailbox, every command about UIDs raises this until
    the mailbox was selected anew. ``outcome_known`` is False where such a command was under way:
    it may have been carried out on other messages.
    """

    def __init__(self, mailbox: str, expected: int, found: int, *, sent: bool = False) -> None:
        self.mailbox = mailbox
        self.expected = expected
        self.found = found
        self.outcome_known = not sent
        super().__init__(
            f"UIDVALIDITY was {expected} and is {found}; the UIDs held are void: "
            "select the mailbox anew and search again"
            + ("; what the command in flight did is not known" if sent else "; nothing was sent")
        )

    def anew(self, *, sent: bool) -> UIDValidityChanged:
        """The same, to be raised once more."""
        return UIDValidityChanged(self.mailbox, self.expected, self.found, sent=sent)


class ConnectionLost(IMAPError):
    """The connection ended before the answer was complete."""

    retryable = True
    connection_usable = False
    outcome_known = False


class ServerClosing(ConnectionLost):
    """The server said BYE before the answer was complete.

    ``code`` and ``text`` are those of the BYE response.
    """

    def __init__(self, code: str | None = None, text: str = "") -> None:
        self.code = code
        self.text = text
        super().__init__("the server closed the connection" + (f" [{code}]" if code else ""))


class OperationTimeout(ConnectionLost):
    """Nothing came within the deadline; the connection is given up."""


class TLSFailed(ConnectionLost):
    """TLS was not agreed on: an untrusted certificate, another name, too old a version.

    Nothing was sent before it, and the same happens again until somebody changes something.
    """

    retryable = False
    outcome_known = True
