"""One attempt against a real receiver: what is sent, what is read, what is never done."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from sage_mail.delivery.sender import Outcome, Sender
from tests.support.receiver import Answer, Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


async def _post(
    url: str, *, timeout: float = 5.0, headers: dict[str, str] | None = None
) -> Outcome:
    async with Sender(url, timeout=timeout, connections=2, allow_private=True) as sender:
        return await sender.post(b'{"a":1}', headers or {})


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_any_2xx_is_delivered(receiver: Receiver, status: int) -> None:
    """Every 2xx counts as delivered, and there is no error then."""
    receiver.script(Answer(status=status, body=b"" if status == 204 else b"ok"))
    outcome = await _post(receiver.url)
    assert (outcome.delivered, outcome.status, outcome.error) == (True, status, None)
    assert outcome.latency > 0


async def test_what_is_sent(receiver: Receiver) -> None:
    """The body goes out byte for byte as JSON, with our name and the headers given."""
    await _post(receiver.url, headers={"webhook-id": "d1"})
    (request,) = receiver.requests
    assert request.body == b'{"a":1}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("sage-mail/")
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["webhook-id"] == "d1"


async def test_failure_with_retry_after(receiver: Receiver) -> None:
    """Another status is a failure, with the pause that was asked for and the answer's text."""
    receiver.script(Answer(status=503, headers={"Retry-After": "7"}, body=b"closed\x00 for lunch"))
    outcome = await _post(receiver.url)
    assert not outcome.delivered
    assert (outcome.status, outcome.error, outcome.asked_pause) == (503, "HTTP 503", 7.0)
    assert outcome.asked_rest == 7.0
    assert outcome.excerpt == "closed\ufffd for lunch"


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    """A redirect is a failure that says so, and its target hears nothing."""
    receiver.script(Answer(status=302, headers={"Location": receiver.url + "/other"}))
    outcome = await _post(receiver.url)
    assert not outcome.delivered
    assert outcome.error is not None
    assert "redirects are not followed" in outcome.error
    assert len(receiver.requests) == 1


async def test_cookies_are_not_kept(receiver: Receiver) -> None:
    """A cookie that the endpoint sets does not come back with the next attempt."""
    receiver.script(Answer(headers={"Set-Cookie": "session=1; Path=/"}))
    async with Sender(receiver.url, timeout=5, connections=1, allow_private=True) as sender:
        await sender.post(b"{}", {})
        await sender.post(b"{}", {})
    assert "cookie" not in receiver.requests[1].headers


async def test_a_hanging_endpoint_ends_at_the_deadline(receiver: Receiver) -> None:
    """No answer within the timeout is an error, and the connection is closed."""
    receiver.script(Answer(hang=True))
    outcome = await _post(receiver.url, timeout=1.0)
    assert (outcome.status, outcome.error) == (None, "no answer within 1 s")
    await receiver.gave_up(1)


async def test_an_endless_body_is_cut(receiver: Receiver) -> None:
    """Of a body without end one kibibyte is kept, and the status decides."""
    receiver.script(Answer(endless=True))
    outcome = await _post(receiver.url)
    assert outcome.delivered
    assert len(outcome.excerpt) == 1024


async def test_a_body_that_never_comes_does_not_undo_the_status(receiver: Receiver) -> None:
    """An answer whose body stalls is delivered all the same, with an empty excerpt."""
    receiver.script(Answer(stalled=True))
    outcome = await _post(receiver.url)
    assert (outcome.delivered, outcome.excerpt) == (True, "")


async def test_a_connection_cut_short(receiver: Receiver) -> None:
    """A connection that ends without an answer is an error without a status."""
    receiver.script(Answer(cut=True))
    outcome = await _post(receiver.url)
    assert outcome.status is None
    assert outcome.error == "the exchange failed: RemoteProtocolError"


async def test_nobody_listens() -> None:
    """A refused connection is an error with host and reason, and with no more of the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        outcome = await _post(f"http://ann:pw@127.0.0.1:{port}/token-in-path?key=1")
    assert outcome.status is None
    assert outcome.error == f"cannot connect to 127.0.0.1:{port}: Connection refused"


async def test_a_certificate_that_nobody_vouches_for() -> None:
    """An endpoint whose certificate does not verify gets nothing, and the error says why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with Receiver(tls=context) as receiver:
        outcome = await _post(receiver.url)
    assert receiver.requests == []
    assert outcome.error is not None
    assert outcome.error.startswith("cannot connect")
    assert "certificate verify failed" in outcome.error


async def test_an_address_that_cannot_be_used() -> None:
    """A host name that no encoding allows is an outcome too, not an exception."""
    outcome = await _post("http://" + "a" * 70 + "\u00e4.example/hook")
    assert outcome.status is None
    assert outcome.error is not None


async def test_what_an_address_names_before_its_host(receiver: Receiver) -> None:
    """A name and a password in the address travel as RFC 7617 says, and not in the target."""
    await _post(receiver.url.replace("://", "://ann:p%40ss@"))
    (request,) = receiver.requests
    assert request.headers["authorization"] == "Basic YW5uOnBAc3M="
    assert request.path == "/hook"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


async def test_connections_are_used_again(receiver: Receiver) -> None:
    """Two attempts in a row need one connection, so that the second is as quick as it can be."""
    async with Sender(receiver.url, timeout=5, connections=4, allow_private=True) as sender:
        await sender.post(b"{}", {})
        await sender.post(b"{}", {})
    assert receiver.connections == 1
