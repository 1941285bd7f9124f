"""The system on a Dovecot: what a mail says is stored and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.system import account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

_BODY = "Thank you for your order no. A-4711.\r\nTotal: 1.234,56 EUR\r\n"


async def test_facts_are_stored_and_told(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """The event carries the facts' values; the store their places as well."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await append(dovecot, dovecot_user, mail(1, subject="Order", body=_BODY))
        (event,) = await system.until_count("message.new", 1)
        (record,) = await system.messages()

    told = event.data["extracted"]["order"]
    assert told["order_numbers"] == [{"value": "A-4711", "confidence": 0.9}]
    assert told["total"]["value"] == {"amount": "1234.56", "currency": "EUR"}
    stored = record.decision.details["extracted"]["order"]["total"]
    assert (stored["part"], stored["text"]) == ("plain", "1.234,56 EUR")
    assert _BODY.replace("\r\n", "\n")[stored["start"] : stored["end"]] == "1.234,56 EUR"
