"""Bad links: deaf, cut anywhere, renewed all the time. Nothing is missed, and soon."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.live.relay import Relay
from tests.live.system import account, append, mail, running, settings_for
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]


async def test_deaf_link_is_noticed_within_the_deadline(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A half-open connection costs no more than a renewal and its deadline, and no mail."""
    async with Relay(dovecot.port).open() as relay:
        through = account(
            dovecot, dovecot_user, port=relay.port, idle_renewal=1.5, timeout=1.5, poll_interval=60
        )
        async with running(settings_for(tmp_path, [through])) as system:
            await system.until_seen("INBOX")
            await append(dovecot, dovecot_user, mail(1))
            await system.until_count("message.new", 1)
            relay.deafen()
            await append(dovecot, dovecot_user, mail(2))
            await system.until_count("message.new", 2)
            assert await system.counts() == {"account.connected": 1, "message.new": 2}


async def test_link_that_is_cut_anywhere(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Connections that are cut in the greeting, the log-in, a header or a body lose nothing."""
    budgets = [10, 700, 1200, 2500]
    async with Relay(dovecot.port, budgets).open() as relay:
        through = account(dovecot, dovecot_user, port=relay.port, initial="all")
        await append(dovecot, dovecot_user, *(mail(n, body="x" * 300) for n in range(20)))
        async with running(settings_for(tmp_path, [through])) as system:
            new = await system.until_count("message.new", 20, seconds=60)
            assert [event.data["uid"] for event in new] == list(range(1, 21))
            assert relay.connections > len(budgets)
            counts = await system.counts()
            assert counts["message.new"] == 20
            assert counts["message.failed"] == 0


async def test_mail_between_idle_cycles(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """Mail that arrives while IDLE is being ended and begun is noticed like any other."""
    restless = account(dovecot, dovecot_user, idle_renewal=0.05)
    async with running(settings_for(tmp_path, [restless])) as system:
        await system.until_seen("INBOX")
        for number in range(40):
            await append(dovecot, dovecot_user, mail(number))
            await asyncio.sleep(0.013)
        new = await system.until_count("message.new", 40)
        assert [event.data["uid"] for event in new] == list(range(1, 41))
        assert await system.counts() == {"account.connected": 1, "message.new": 40}


async def test_latency_in_idle(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Arrival to commit takes less than the second that was promised."""
    async with running(settings_for(tmp_path, [account(dovecot, dovecot_user)])) as system:
        await system.until_seen("INBOX")
        await asyncio.sleep(0.3)
        times = []
        for number in range(1, 8):
            began = time.monotonic()
            await append(dovecot, dovecot_user, mail(number))
            await system.until_count("message.new", number)
            times.append(time.monotonic() - began)
        assert sorted(times)[3] < 1.0, times
