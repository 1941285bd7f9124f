"""Accounts come into being by being asked for, and their state has a beginning."""

from __future__ import annotations

import asyncio

from sage_mail.records import AccountState
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, later


async def test_an_account_is_made_once(storage: Storage) -> None:
    """Asking twice, or many times at once, gives the same account."""

    async def ask() -> int:
        async with storage.unit_of_work() as uow:
            account = await uow.accounts.get_or_create("office")
            await uow.commit()
            return account.id

    ids = await asyncio.gather(*(ask() for _ in range(8)))
    assert len(set(ids)) == 1
    async with storage.read() as uow:
        (account,) = await uow.accounts.list()
    assert (account.name, account.state) == ("office", AccountState.UNKNOWN)


async def test_a_state_keeps_its_beginning(storage: Storage) -> None:
    """A state that lasts keeps its instant; only a change is reported as one."""
    async with storage.unit_of_work() as uow:
        account_id = (await uow.accounts.get_or_create("office")).id
        lost = AccountState.DISCONNECTED
        assert await uow.accounts.set_state(account_id, lost, since=NOW, error="reset")
        assert not await uow.accounts.set_state(account_id, lost, since=later(9), error="refused")
        account = await uow.accounts.find("office")
        assert account is not None
        assert (account.state, account.state_since, account.last_error) == (lost, NOW, "refused")
        assert await uow.accounts.set_state(account_id, AccountState.CONNECTED, since=later(10))
        account = await uow.accounts.find("office")
    assert account is not None
    assert (account.state_since, account.last_error) == (later(10), None)
