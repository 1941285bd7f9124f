"""Fixtures of the tests of delivery."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sage_mail.delivery.draining import Clock
from tests.support.receiver import Receiver

__all__ = ["clock", "receiver"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that answers 200."""
    async with Receiver() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """The present, which the test can put forward."""
    return Clock()
