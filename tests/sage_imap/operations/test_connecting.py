"""Signing in, played against scripts: TLS first or not at all."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.errors import (
    AuthenticationFailed,
    CapabilityMissing,
    ConnectionLost,
    LocalProtocolError,
    OperationTimeout,
    RemoteProtocolError,
    ServerClosing,
    TLSRequired,
)
from sage_imap.operations import connecting, idling
from sage_imap.operations.idling import Idle
from sage_imap.protocol.state import ConnectionState
from tests.support.scripts import Stage, staged

PLAIN = base64.b64encode(b"\0ann\0secret").decode()
TOKEN = base64.b64encode(b"user=ann\x01auth=Bearer tok\x01\x01").decode()


def _sign_in(script: str, **settings: Any) -> Stage:
    config = IMAPConfig(
        **{"host": "h", "username": "ann", "password": "secret", "security": "plain", **settings}
    )
    with staged(script, offers=None, state=ConnectionState.GREETING) as stage:
        stage.run(connecting.sign_in(stage.session, config))
    return stage


def test_login() -> None:
    """LOGIN where there is nothing better; capabilities are asked for where they are not told."""
    stage = _sign_in(
        """
        >> * OK hello
        << A1 CAPABILITY
        >> * CAPABILITY IMAP4rev1
        >> A1 OK done
        << A2 LOGIN "ann" "secret"
        >> A2 OK done
        << A3 CAPABILITY
        >> * CAPABILITY IMAP4rev1 IDLE
        >> A3 OK done
        """
    )
    assert stage.session.connection.capabilities == {"IMAP4REV1", "IDLE"}
    assert stage.session.connection.state is ConnectionState.AUTHENTICATED


def test_plain_at_once() -> None:
    """With SASL-IR one round is enough, and capabilities that are told are not asked for."""
    _sign_in(
        f"""
        >> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello
        << A1 AUTHENTICATE PLAIN {PLAIN}
        >> A1 OK [CAPABILITY IMAP4rev1 IDLE] done
        """
    )


@pytest.mark.parametrize("auth", ["login", "plain"])
def test_plain_on_request(auth: str) -> None:
    """Without SASL-IR the response follows the continuation."""
    _sign_in(
        f"""
        >> * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
        << A1 AUTHENTICATE PLAIN
        >> + \\c
        >> \\r\\n\\c
        << {PLAIN}
        >> A1 OK [CAPABILITY IMAP4rev1] done
        """,
        auth=auth,
    )


def test_xoauth2() -> None:
    """A token goes along with the command."""
    _sign_in(
        f"""
        >> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello
        << A1 AUTHENTICATE XOAUTH2 {TOKEN}
        >> A1 OK [CAPABILITY IMAP4rev1] done
        """,
        auth="xoauth2",
        access_token=lambda: "tok",
    )


def test_xoauth2_refused() -> None:
    """The challenge that says why is answered, and its JSON is in the error."""
    challenge = base64.b64encode(b'{"status":"400","schemes":"Bearer"}').decode()
    with pytest.raises(AuthenticationFailed) as caught:
        _sign_in(
            f"""
            >> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello
            << A1 AUTHENTICATE XOAUTH2 {TOKEN}
            >> + {challenge}
            << \\r\\n\\c
            >> A1 NO [AUTHENTICATIONFAILED] no
            """,
            auth="xoauth2",
            access_token="tok",
        )
    assert caught.value.details["status"] == "400"


def test_mechanism_not_offered() -> None:
    """A token is not sent to a server that cannot read it."""
    with pytest.raises(CapabilityMissing, match="XOAUTH2"):
        _sign_in(
            ">> * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello", auth="xoauth2", access_token="tok"
        )


def test_login_disabled() -> None:
    """No password is sent where the server says that it takes none."""
    with pytest.raises(CapabilityMissing, match="LOGIN"):
        _sign_in(">> * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello")


def test_endless_challenges() -> None:
    """A server that asks on and on is left."""
    challenges = ">> + YQ==\n<< \\r\\n\\c\n" * 7
    with pytest.raises(RemoteProtocolError, match="ever more"):
        _sign_in(
            f"""
            >> * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello
            << A1 AUTHENTICATE XOAUTH2 {TOKEN}
            {challenges}
            >> + YQ==
            """,
            auth="xoauth2",
            access_token="tok",
        )


@pytest.mark.parametrize("answer", ["A1 NO [AUTHENTICATIONFAILED] no", "A1 NO Invalid credentials"])
def test_wrong_password(answer: str) -> None:
    """A wrong password is told from all other refusals, and is not in the error."""
    with pytest.raises(AuthenticationFailed) as caught:
        _sign_in(
            f"""
            >> * OK [CAPABILITY IMAP4rev1] hello
            << A1 LOGIN "ann" "secret"
            >> {answer}
            """
        )
    assert "secret" not in f"{caught.value}{caught.value!r}"


def test_bye_before_the_refusal() -> None:
    """Where BYE precedes the NO, the NO still says what was the matter."""
    with pytest.raises(AuthenticationFailed):
        _sign_in(
            """
            >> * OK [CAPABILITY IMAP4rev1] hello
            << A1 LOGIN "ann" "secret"
            >> * BYE too many
            .. cut
            >> A1 NO [AUTHENTICATIONFAILED] no
            """
        )


def test_greeting_is_bye() -> None:
    """A server that has no room says so."""
    with pytest.raises(ServerClosing) as caught:
        _sign_in(">> * BYE [UNAVAILABLE] later")
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (".. silence", OperationTimeout),
        (".. eof", ConnectionLost),
        (">> SSH-2.0-OpenSSH_9.2", RemoteProtocolError),
        (">> A1 OK hello", RemoteProtocolError),
        (">> * FLAGS ()", RemoteProtocolError),
    ],
)
def test_no_greeting(script: str, kind: type[Exception]) -> None:
    """Whoever does not greet is not believed."""
    with pytest.raises(kind):
        _sign_in(script)


def test_preauth_in_plaintext() -> None:
    """A server that knows us already asks for no password."""
    stage = _sign_in(">> * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hello ann")
    assert stage.session.connection.state is ConnectionState.AUTHENTICATED
    assert stage.transport.sent == b""


def test_identification() -> None:
    """ID is said where it is offered, and its refusal does no harm."""
    _sign_in(
        """
        >> * PREAUTH [CAPABILITY IMAP4rev1 ID] hello
        << A1 ID ("name" "sage")
        >> A1 NO never
        """,
        client_id={"name": "sage"},
    )


def test_starttls() -> None:
    """TLS, then everything anew; what was said before is forgotten."""
    stage = _sign_in(
        """
        >> * OK [CAPABILITY IMAP4rev1 STARTTLS IDLE] hello
        << A1 STARTTLS
        >> A1 OK begin
        .. tls
        << A2 CAPABILITY
        >> * CAPABILITY IMAP4rev1
        >> A2 OK done
        << A3 LOGIN "ann" "secret"
        >> A3 OK [CAPABILITY IMAP4rev1] done
        """,
        security="starttls",
    )
    assert not stage.session.offers("IDLE")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (">> * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello", TLSRequired),
        (">> * OK [CAPABILITY IMAP4rev1] hello", TLSRequired),
        (
            ">> * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n<< A1 STARTTLS\n>> A1 NO not now",
            TLSRequired,
        ),
        (
            ">> * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n<< A1 STARTTLS\n>> A1 BAD what",
            TLSRequired,
        ),
        (
            ">> * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n<< A1 STARTTLS\n"
            ">> A1 OK begin\n>> * CAPABILITY IMAP4rev1 AUTH=PLAIN",
            RemoteProtocolError,
        ),
        (
            ">> * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n<< A1 STARTTLS\n"
            ">> A1 OK begin\n>> *\\c",
            RemoteProtocolError,
        ),
    ],
    ids=["preauth", "not offered", "NO", "BAD", "injected response", "injected octet"],
)
def test_no_way_round_tls(script: str, kind: type[Exception]) -> None:
    """Without TLS no credentials are sent, whatever the server says."""
    config = IMAPConfig(host="h", username="ann", password="secret", security="starttls")
    with staged(script, offers=None, state=ConnectionState.GREETING) as stage:
        with pytest.raises(kind):
            stage.run(connecting.sign_in(stage.session, config))
        assert stage.transport.sent in (b"", b"A1 STARTTLS\r\n")


def test_enable_and_identify() -> None:
    """What is on, and what the server says of itself."""
    with staged(
        """
        << A1 ENABLE CONDSTORE
        >> * ENABLED CONDSTORE
        >> A1 OK done
        << A2 ID NIL
        >> * ID ("name" "Dovecot" "version" NIL)
        >> A2 OK done
        << A3 ID NIL
        >> A3 OK done
        """,
        state=ConnectionState.AUTHENTICATED,
    ) as stage:
        assert stage.run(connecting.enable(stage.session, "CONDSTORE")) == {"CONDSTORE"}
        said = stage.run(connecting.identify(stage.session))
        assert said == {"name": "Dovecot", "version": None}
        assert stage.run(connecting.identify(stage.session)) == {}


def test_log_out() -> None:
    """BYE and OK, and nothing can be said afterwards."""
    with staged("<< A1 LOGOUT\n>> * BYE bye\n>> A1 OK done") as stage:
        stage.run(connecting.log_out(stage.session))
        with pytest.raises((LocalProtocolError, ServerClosing)):
            stage.run(connecting.enable(stage.session, "CONDSTORE"))


def test_log_out_in_idle() -> None:
    """An IDLE that is held is ended, so that the server is told good-bye all the same."""
    with staged(
        "<< A1 IDLE\n>> + idling\n<< DONE\n<< A2 LOGOUT\n>> A1 OK done\n>> * BYE\n>> A2 OK done"
    ) as stage:
        stage.run(idling.begin(stage.session, Idle(60)))
        stage.run(connecting.log_out(stage.session))
