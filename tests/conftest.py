"""Fixtures that every test may ask for."""

from __future__ import annotations

from tests.support.dovecot_fixtures import (
    dovecot,
    dovecot_childless,
    dovecot_prefixed,
    dovecot_user,
)

__all__ = ["dovecot", "dovecot_childless", "dovecot_prefixed", "dovecot_user"]
