"""A mail server that takes what is sent to it, on 127.0.0.1."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import BaseThreadedController

__all__ = ["Mailbox", "mail_server"]


class Mailbox:
    """The messages that came, in order."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep the message."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A running server, in a thread of its own."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mailbox.port = listener.getsockname()[1]
        controller = _Controller(mailbox, listener)
        controller.start()
        try:
            yield mailbox
        finally:
            controller.stop()


class _Controller(BaseThreadedController):
    def __init__(self, handler: Mailbox, listener: socket.socket) -> None:
        super().__init__(handler)
        self._listener = listener

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)

    def _trigger_server(self) -> None:
        with socket.create_connection(self._listener.getsockname()) as connection:
            connection.recv(1)
