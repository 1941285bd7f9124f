"""``sage-mail check`` on servers that work."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sage_mail.cli import app
from tests.live.process import written
from tests.live.system import account
from tests.support.dovecot import Dovecot, needs_dovecot
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.live, needs_dovecot]


async def test_check_of_what_works(dovecot: Dovecot, dovecot_user: str, tmp_path: Path) -> None:
    """Every line is ok, nothing is posted, and a folder that is missing is told with a remedy."""
    async with Receiver() as receiver:
        table = {
            "data_dir": str(tmp_path / "data"),
            "accounts": [
                account(
                    dovecot,
                    dovecot_user,
                    port=dovecot.tls_port,
                    security="tls",
                    ca_file=str(dovecot.ca_file),
                )
            ],
            "webhooks": [{"name": "hook", "url": receiver.url, "allow_private": True}],
            "feed": {"token": "long-enough-to-be-one"},
        }
        code, lines = await _check(written(tmp_path, table))
        assert code == 0, lines
        assert len(lines) == 6
        assert all(line.startswith("ok") for line in lines)
        assert receiver.requests == []
        table["feed"] = {"token": "short"}
        table["accounts"][0] |= {"folders": ["INBOX", "Nowhere"]}  # type: ignore[index]  # a dictionary of the test's own
        code, lines = await _check(written(tmp_path, table))
        assert code == 1
        assert [line for line in lines if line.startswith("FAIL")] == [
            f"FAIL account {dovecot_user}, folder Nowhere: does not exist - "
            "create it or take it out of folders",
            "FAIL feed: the token of the feed is shorter than 16 characters; make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))' - set another token",
        ]


async def _check(config: Path) -> tuple[int, list[str]]:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["check", "--config", str(config)])
    return result.exit_code, result.output.splitlines()
