"""Notes really reach their services: an ntfy, an SMS gateway, a mail server and a Slack."""

from __future__ import annotations

import io
import json
import logging
import socket
from typing import Any

import pytest
from pydantic import SecretStr

from sage_mail.delivery.notifications import Channel, NotificationSettings
from sage_mail.delivery.notifications.texts import Note
from tests.support.receiver import Answer, Receiver
from tests.support.smtp import mail_server

_NOTE = Note("Ada: The lamp is broken", "support, high priority", urgent=True)


def _settings(url: str, channel: str = "push", **changes: Any) -> NotificationSettings:
    return NotificationSettings.model_validate(
        {"name": "phone", "channel": channel, "url": SecretStr(url), **changes}
    )


async def _send(settings: NotificationSettings, note: Note = _NOTE) -> str | None:
    channel = Channel(settings)
    try:
        return await channel.send(note)
    finally:
        channel.close()


async def test_push() -> None:
    """An ntfy server gets title and text for the topic."""
    async with Receiver(default=Answer(body=b"{}")) as receiver:
        assert await _send(_settings(f"ntfy://127.0.0.1:{receiver.port}/lamps")) is None

    (request,) = receiver.requests
    said = json.loads(request.body)
    assert (said["topic"], said["title"]) == ("lamps", _NOTE.title)
    assert said["message"] == _NOTE.body


async def test_sms() -> None:
    """An SMS gateway gets the number and, since an SMS has no title, one text."""
    async with Receiver(default=Answer(body=b'{"result": [{"status": "ok"}]}')) as receiver:
        url = f"smseagle://token@127.0.0.1:{receiver.port}/15551234567"
        assert await _send(_settings(url, "sms")) is None

    said = receiver.requests[0].body.decode()
    assert "15551234567" in said
    assert _NOTE.title in said
    assert _NOTE.body in said


async def test_email() -> None:
    """A mail server gets a message to whom the address names."""
    with mail_server() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}?from=sage@example.org&to=ann@example.org"
        assert await _send(_settings(url, "email")) is None

    (message,) = mailbox.messages
    assert (message["To"], message["Subject"]) == ("ann@example.org", _NOTE.title)
    body = message.get_body(("plain", "html"))
    assert body is not None
    assert _NOTE.body in body.get_content()


async def test_slack() -> None:
    """A Slack gets the text under the path of its token, at the address that was set."""
    token = "TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx"
    async with Receiver(default=Answer(body=b"ok")) as receiver:
        settings = _settings(
            f"slack://{token}/#lamps",
            "slack",
            slack_address=f"http://127.0.0.1:{receiver.port}/in/",
        )
        assert await _send(settings) is None

    (request,) = receiver.requests
    assert request.path == f"/in/{token}"
    assert _NOTE.title in request.body.decode()


@pytest.mark.parametrize(
    ("body", "came"),
    [
        (b"", "nothing"),
        (b"invalid_payload", '"invalid_payload"'),
        (b'{"ok": true}', "JSON"),
        (b"<html>s3cret", "a web page"),
        (b"s3cret error=404", "16 characters"),
    ],
)
async def test_a_slack_that_does_not_say_ok(body: bytes, came: str) -> None:
    """The kind of what came instead is told, and no word of it but those that say what is wrong."""
    note = Note("A connection error", "error=500")
    async with Receiver(default=Answer(body=body)) as receiver:
        url = "slack://TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx/#lamps"
        address = f"http://127.0.0.1:{receiver.port}"
        error = await _send(_settings(url, "slack", slack_address=address), note)
    assert error is not None
    told = f'the service answered HTTP 200, but with {came} instead of a confirmation such as "ok"'
    assert error.startswith(told)


async def test_a_refusal_is_told_without_secrets() -> None:
    """An answer that is no success, and a server that is away, are errors in a few words."""
    async with Receiver(default=Answer(status=403, body=b'{"error": "s3cret"}')) as receiver:
        refused = await _send(_settings(f"ntfy://127.0.0.1:{receiver.port}/s3cret"))
    away = await _send(_settings(f"ntfy://127.0.0.1:{receiver.port}/s3cret"))

    assert refused == "the service refused it with HTTP 403"
    assert away == "the service cannot be reached"


async def test_nothing_of_it_is_logged() -> None:
    """What Apprise would write, with addresses and answers in it, comes to nobody's log."""
    # Not caplog, which listens to loggers that do not propagate, too.
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        async with Receiver(default=Answer(status=403, body=b'{"error": "s3cret"}')) as receiver:
            await _send(_settings(f"ntfy://127.0.0.1:{receiver.port}/s3cret"))
        await _send(_settings("nosuch://127.0.0.1/s3cret"))
        logging.getLogger().warning("heard")
    finally:
        logging.getLogger().removeHandler(handler)

    assert written.getvalue() == "heard\n"


async def test_redirects_are_not_followed() -> None:
    """A service that points elsewhere does not get our note sent there."""
    async with Receiver() as elsewhere:
        answer = Answer(status=307, headers={"Location": elsewhere.url})
        async with Receiver(default=answer) as receiver:
            error = await _send(_settings(f"ntfy://127.0.0.1:{receiver.port}/lamps"))
        assert elsewhere.requests == []
    assert error == "the service refused it with HTTP 307"


@pytest.mark.parametrize("form", ["", "&format=html", "&format=markdown"])
async def test_what_strangers_write_is_no_markup(form: str) -> None:
    """A subject with a picture in it is shown as it was written, also in a letter of HTML."""
    note = Note("<b>Hi</b>", '<img src="http://tracker.example/1.png"> & more')
    with mail_server() as mailbox:
        url = f"mailto://127.0.0.1:{mailbox.port}?from=sage@example.org&to=ann@example.org{form}"
        assert await _send(_settings(url, "email"), note) is None

    for part in mailbox.messages[0].walk():
        if part.get_content_type() == "text/html":
            assert "<img" not in part.get_content()


async def test_a_slack_is_not_called_together() -> None:
    """A stranger cannot alarm the whole channel, nor show one address and lead to another."""
    note = Note("<!channel>", "<http://evil.example|https://bank.example> <!here>")
    token = "TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx"
    async with Receiver(default=Answer(body=b"ok")) as receiver:
        address = f"http://127.0.0.1:{receiver.port}"
        await _send(_settings(f"slack://{token}/#lamps", "slack", slack_address=address), note)

    said = receiver.requests[0].body.decode()
    assert "<" not in said
    assert "&lt;!channel&gt;" in said


async def test_a_slack_address_is_for_webhooks() -> None:
    """With the token of a bot it would be ignored, so it is refused."""
    settings = _settings(
        "slack://xoxb-1234-1234-abc124/#lamps", "slack", slack_address="http://127.0.0.1:9"
    )

    assert "slack_address needs the url of an incoming webhook" in (await _send(settings) or "")


async def test_a_service_that_hangs_costs_its_time_alone() -> None:
    """After the timeout the next note goes out, though the thread of the first is still busy."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Receiver(default=Answer(body=b"{}")) as receiver:
            hanging = f"ntfy://127.0.0.1:{silent.getsockname()[1]}/lamps?rto=60"
            channel = Channel(_settings(hanging, timeout=0.3))
            error = await channel.send(_NOTE)
            channel._settings = _settings(f"ntfy://127.0.0.1:{receiver.port}/lamps")
            assert await channel.send(_NOTE) is None
            channel.close()
    assert error == "no answer within 0.3 s; it may have gone out"


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/x"])
async def test_an_address_that_nobody_knows(url: str) -> None:
    """It is told with the channel's name and without the address."""
    error = await _send(_settings(url))

    assert error is not None
    assert 'notification "phone": its url is no address that Apprise knows' in error
    assert url not in error
