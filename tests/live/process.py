"""The service as users run it: a process of its own, which can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

__all__ = ["Service", "toml", "written"]


def toml(table: dict[str, Any]) -> str:
    """The settings as TOML; lists of tables and tables one level deep are all that is needed."""
    plain = [f"{key} = {_value(value)}" for key, value in table.items() if not _nested(value)]
    for key, value in table.items():
        if isinstance(value, dict):
            plain += [f"[{key}]", *(f"{k} = {_value(v)}" for k, v in value.items())]
        elif _nested(value):
            for entry in value:
                plain += [f"[[{key}]]", *(f"{k} = {_value(v)}" for k, v in entry.items())]
    return "\n".join(plain) + "\n"


def written(folder: Path, table: dict[str, Any]) -> Path:
    """The settings in a file in the folder; HTTP on a free port, where they do not say which."""
    path = folder / "sage-mail.toml"
    path.write_text(toml({"http": {"port": 0}, **table}))
    return path


class Service:
    """``sage-mail run`` on a configuration."""

    def __init__(self, config: Path, *, crash_at: str | None = None) -> None:
        self._config = config
        self._environment = {**os.environ}
        if crash_at is not None:
            self._environment["SAGE_MAIL_CRASH_AT"] = crash_at
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The running process."""
        assert self._process is not None
        return self._process

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """The running service; it is killed at the end if it still runs."""
        log = self._config.with_name("service.log").open("ab")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sage_mail.cli", "run", "--config", str(self._config)),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield self
        finally:
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()

    async def ended(self, *, seconds: float = 30.0) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 12.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return await self.ended(seconds=seconds)


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and isinstance(value[0], dict)
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
