"""From the greeting to a session that is signed in, and back.

TLS comes first or not at all: with STARTTLS nothing but CAPABILITY is said before the handshake,
what the server said before it is forgotten, and a server that greets with PREAUTH, after which
STARTTLS cannot be sent, is refused (RFC 9051 section 11.1; CVE-2021-33515 and its kin).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from sage_imap.auth import Mechanism, Plain, XOAuth2, decode_challenge, encode_response
from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    ConfigurationError,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
    TLSRequired,
)
from sage_imap.operations.effects import Operation, start_tls
from sage_imap.operations.session import Session
from sage_imap.protocol import commands, extensions
from sage_imap.protocol.events import (
    CommandCompleted,
    ContinuationRequested,
    GreetingReceived,
    IDReceived,
    Status,
)
from sage_imap.protocol.rejection import rejection
from sage_imap.providers import detect

__all__ = ["enable", "identify", "log_out", "sign_in"]

# PLAIN and XOAUTH2 need one round, and one more for an error; the longest mechanisms need four.
_MOST_ROUNDS: Final = 8
# Said where a provider insists on ID and the configuration has nothing to say.
_OURSELVES: Final = {"name": "sage-imap"}
# A server that waits for a TLS handshake says nothing.
_MEANT_FOR_TLS: Final = '; a port for TLS is silent so: does it want security = "tls"?'
_LEAVE: Final = 3.0  # seconds; whoever stops a program waits for this


def sign_in(session: Session, config: IMAPConfig) -> Operation[None]:
    """Greeting, STARTTLS where asked for, authentication, capabilities, ID.

    The session knows its provider afterwards, as far as that can be told.
    """
    greeting = yield from _greeting(session, config)
    if greeting.status is not Status.PREAUTH:
        _check_credentials(config)
    if config.effective_security == "starttls":
        yield from _secure(session, greeting)
    yield from _learn_capabilities(session)
    if greeting.status is not Status.PREAUTH:
        yield from _authenticate(session, config)
        yield from _learn_capabilities(session)
    yield from _introduce(session, config, greeting.text)


def identify(
    session: Session, fields: Mapping[str, str | None] | None = None
) -> Operation[dict[str, str | None]]:
    """Say who we are; what the server says of itself, keys in lower case."""
    answer = yield from session.exchange(extensions.identify(fields))
    said = answer.of(IDReceived)
    return dict(said[-1].fields) if said else {}


def enable(session: Session, *names: str) -> Operation[frozenset[str]]:
    """Switch extensions on (RFC 5161); all that are on now."""
    yield from session.exchange(extensions.enable(*names))
    if session.provider.enabled_unreported:
        session.connection.assume_enabled(filter(session.offers, names))
    return session.connection.enabled


def log_out(session: Session) -> Operation[None]:
    """Take leave; `ConnectionLost` where the server just closes, which says the same.

    The session is of no use afterwards, so that a server that is slow is not waited for as long as
    otherwise.
    """
    session.timeout = min(session.timeout, _LEAVE)
    if session.connection.idling:
        session.connection.send_line(b"DONE")
    handle = session.connection.send(commands.logout())
    yield from session.answer(handle)


def _greeting(session: Session, config: IMAPConfig) -> Operation[GreetingReceived]:
    try:
        event = yield from session.expect()
    except OperationTimeout as error:
        hint = "" if config.effective_security == "tls" else _MEANT_FOR_TLS
        raise OperationTimeout(
            f"no greeting came from {config.host}:{config.effective_port} "
            f"within {session.timeout:g} seconds{hint}"
        ) from error
    while not isinstance(event, GreetingReceived):
        event = yield from session.expect()
    if event.status is Status.BYE:
        raise ServerClosing(event.code.name if event.code else None, event.text)
    return event


def _secure(session: Session, greeting: GreetingReceived) -> Operation[None]:
    if greeting.status is Status.PREAUTH:
        raise TLSRequired("the server greets with PREAUTH, after which there is no STARTTLS")
    yield from _learn_capabilities(session)
    if not session.offers("STARTTLS"):
        raise TLSRequired("the server does not offer STARTTLS; no credentials were sent")
    answer = yield from session.attempt(commands.starttls())
    if answer.completed.status is not Status.OK:
        raise TLSRequired("the server refused STARTTLS; no credentials were sent")
    yield from start_tls()
    session.connection.start_tls_done()


def _learn_capabilities(session: Session) -> Operation[None]:
    if not session.connection.capabilities_known:
        yield from session.exchange(commands.capability())


def _introduce(session: Session, config: IMAPConfig, greeting: str) -> Operation[None]:
    """Find out who the provider is, and say who we are where he wants to know or the caller does.

    ID is a courtesy, so that its being refused is no reason not to go on.
    """
    offered = session.connection.capabilities
    session.provider = detect(greeting, offered, None, config.host)
    ours = config.client_id or (_OURSELVES if session.provider.needs_id else None)
    if ours is None or not session.offers("ID"):
        return
    with suppress(CommandRejected):
        theirs = yield from identify(session, ours)
        session.provider = detect(greeting, offered, theirs, config.host)


def _check_credentials(config: IMAPConfig) -> None:
    """Raise `ConfigurationError` where there is nothing to sign in with: servers count failures."""
    if not config.username:
        raise ConfigurationError("username is missing; nothing was sent")
    if not config.password and config.auth != "xoauth2":
        raise ConfigurationError("password is missing; nothing was sent")


def _authenticate(session: Session, config: IMAPConfig) -> Operation[None]:
    mechanism: Mechanism
    if config.auth == "xoauth2":
        mechanism = XOAuth2(config.username, config.token())
    elif config.auth == "plain" or _prefers_plain(session, config):
        mechanism = Plain(config.username, config.password)
    else:
        yield from session.exchange(commands.login(config.username, config.password))
        return
    yield from _sasl(session, mechanism)


def _prefers_plain(session: Session, config: IMAPConfig) -> bool:
    # LOGIN cannot carry NUL, and its strings are ASCII to some servers; PLAIN is UTF-8 (RFC 4616).
    return session.offers("AUTH=PLAIN")


def _sasl(session: Session, mechanism: Mechanism) -> Operation[None]:
    if not session.offers(f"AUTH={mechanism.name}"):
        raise CapabilityMissing(f"AUTH={mechanism.name}", "signing in")
    at_once = session.offers("SASL-IR")
    first = mechanism.initial_response()
    command = commands.authenticate(mechanism.name, first if at_once else None)
    handle = session.connection.send(command)
    said, challenge, rounds = at_once, "", 0
    while rounds < _MOST_ROUNDS:
        event = yield from session.expect()
        match event:
            case CommandCompleted() if event.handle == handle:
                if event.status is Status.OK:
                    return
                raise rejection(event, challenge=challenge)
            case ContinuationRequested():
                rounds += 1
                challenge = event.text
                answer = mechanism.respond(decode_challenge(event.text)) if said else first
                said = True
                line = b"*" if answer is None else encode_response(answer)
                session.connection.send_line(line)
            case _:
                continue
    raise RemoteProtocolError("the server asks for ever more while signing in")
