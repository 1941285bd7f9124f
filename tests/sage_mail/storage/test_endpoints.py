"""What is noted of endpoints."""

from __future__ import annotations

from sage_mail.records import EndpointRecord
from sage_mail.storage import Storage
from tests.sage_mail.storage.samples import NOW, later


async def test_an_unknown_endpoint_is_enabled_and_well(storage: Storage) -> None:
    """Nothing has to be written before an endpoint can be used."""
    async with storage.read() as uow:
        assert await uow.endpoints.get("crm") == EndpointRecord("crm")


async def test_disabled_and_enabled(storage: Storage) -> None:
    """Each changes something once; enabling forgets the failures."""
    async with storage.unit_of_work() as uow:
        await uow.endpoints.note_failures("crm", since=NOW, last=later(5))
        assert await uow.endpoints.disable("crm", reason="gone", at=later(6))
        assert not await uow.endpoints.disable("crm", reason="asked", at=later(7))
        assert await uow.endpoints.get("crm") == EndpointRecord(
            "crm", False, later(6), "gone", NOW, later(5)
        )
        assert await uow.endpoints.enable("crm")
        assert not await uow.endpoints.enable("crm")
        await uow.commit()
    async with storage.read() as uow:
        assert await uow.endpoints.get("crm") == EndpointRecord("crm")
        assert await uow.endpoints.get("other") == EndpointRecord("other")


async def test_a_success_ends_the_failing(storage: Storage) -> None:
    """Failures are forgotten with the first success, and only this endpoint's."""
    async with storage.unit_of_work() as uow:
        for name in ("crm", "ops"):
            await uow.endpoints.note_failures(name, since=NOW, last=NOW)
        await uow.endpoints.note_success("crm")
        await uow.commit()
    async with storage.read() as uow:
        assert (await uow.endpoints.get("crm")).failing_since is None
        assert (await uow.endpoints.get("ops")).failing_since == NOW


async def test_enabling_wakes_the_drains(storage: Storage) -> None:
    """What waits is looked for at once."""
    async with storage.unit_of_work() as uow:
        await uow.endpoints.disable("crm", reason="asked", at=NOW)
        await uow.commit()
    async with storage.commits.subscribe() as wakeups:
        async with storage.unit_of_work() as uow:
            await uow.endpoints.enable("crm")
            await uow.commit()
        assert await wakeups.wait(0)
