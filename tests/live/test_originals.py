"""A message's octets from the server, when the store does not have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sage_mail.records import MessageState
from sage_mail.watchers.originals import Originals
from tests.live.system import account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]


async def test_from_where_it_lies(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """The very message of the row, unseen as before; nothing where it cannot be had."""
    settings = settings_for(tmp_path, [account(dovecot, dovecot_user)])
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1, body="the original"))
        await system.until_count("message.new", 1)
        (message,) = await system.messages()
        originals = Originals(settings.accounts)
        raw = await originals.fetch(message)
        assert raw is not None
        assert b"the original" in raw
        assert (await system.messages())[0].flags == message.flags
        for gone in (
            replace(message, uid=99),
            replace(message, uid=None, uidvalidity=None),
            replace(message, uidvalidity=1),
            replace(message, state=MessageState.DELETED),
            replace(message, account="other"),
            replace(message, mailbox="Nowhere"),
        ):
            assert await originals.fetch(gone) is None
