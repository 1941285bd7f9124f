"""What stands in ``deploy/`` is true of the program: paths, flags, ports, variables, settings.

No Docker engine is needed; images are not built here.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sage_mail.console.service import HttpService
from sage_mail.settings import FeedSettings, HttpSettings, load_settings
from sage_mail.storage import Storage
from tests.sage_mail.watching import monitor_of

_ROOT = Path(__file__).resolve().parents[1]
_DEPLOY = _ROOT / "deploy"


def _unit() -> dict[str, str]:
    """The last value of each key of the unit."""
    lines = (_DEPLOY / "sage-mail.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")


def _dockerfile() -> str:
    return (_DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = import_module("yaml").safe_load((_DEPLOY / "compose.yaml").read_text())
    return loaded


def _options(verb: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sage_mail.cli", verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_unit_is_one(tmp_path: Path) -> None:
    """systemd finds nothing to object to, once the program is where this machine has one."""
    text = (_DEPLOY / "sage-mail.service").read_text()
    path = tmp_path / "sage-mail.service"
    path.write_text(text.replace("/opt/sage-mail/bin/sage-mail", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_runs_what_there_is() -> None:
    """Verb and flags exist, the stop has the time that it takes, and the store is writable."""
    unit = _unit()
    _, verb, flag, config = unit["ExecStart"].split()
    assert flag in _options(verb)
    assert config == "/etc/sage-mail/sage-mail.toml"
    assert float(unit["TimeoutStopSec"]) > 10
    assert unit["StateDirectory"] == "sage-mail"
    assert "SAGE_MAIL_DATA_DIR=/var/lib/sage-mail" in (_DEPLOY / "sage-mail.service").read_text()


def test_the_image_copies_what_there_is() -> None:
    """Each file that is copied exists and is let through to the build."""
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", _dockerfile(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert names
    let_through = (_ROOT / ".dockerignore").read_text().splitlines()
    for name in names:
        assert (_ROOT / name).exists(), name
        assert f"!{name}" in let_through
    needed = re.findall(r'"(README\.md|LICENSE)"', (_ROOT / "pyproject.toml").read_text())
    assert set(needed) <= set(names)


def test_the_image_runs_what_there_is() -> None:
    """Verb and flags exist, and it runs as nobody in particular."""
    text = _dockerfile()
    found = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert found is not None
    verb, flag, _ = json.loads(found[1])
    assert flag in _options(verb)
    assert text.index("USER sage") < text.index("ENTRYPOINT")


async def test_the_check_of_the_image(tmp_path: Path) -> None:
    """It succeeds on a service that lives, and fails where none answers."""
    found = re.search(r"HEALTHCHECK .* CMD (\[.*\])$", _dockerfile(), re.MULTILINE)
    assert found is not None
    command = json.loads(found[1])
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path / "blobs")
    service = await HttpService.open(
        storage, FeedSettings(), HttpSettings(port=0), monitor_of(storage)
    )
    port = service.address.rpartition(":")[2]
    command = [sys.executable, *(part.replace("8766", port) for part in command[1:])]
    running = asyncio.create_task(service.run())
    alive = await asyncio.to_thread(subprocess.run, command, capture_output=True)
    running.cancel()
    await asyncio.wait({running})
    gone = await asyncio.to_thread(subprocess.run, command, capture_output=True)
    assert (alive.returncode, gone.returncode) == (0, 1), alive.stderr
    await storage.close()


def test_the_composition() -> None:
    """What it mounts, builds, publishes and hands over is what image and settings ask for."""
    sage = _compose()["services"]["sage"]
    assert (_DEPLOY / sage["build"]["context"]).resolve() == _ROOT
    assert (_ROOT / sage["build"]["dockerfile"]).exists()
    source, target, mode = sage["volumes"][0].split(":")
    assert (_DEPLOY / source).exists()
    assert mode == "ro"
    assert target in _dockerfile()
    settings = load_settings(_DEPLOY / "sage-mail.toml")
    assert settings.http.host == "0.0.0.0"
    assert sage["ports"] == [f"127.0.0.1:{settings.http.port}:{settings.http.port}"]
    assert f":{settings.http.port}/healthz" in _dockerfile()
    assert f"EXPOSE {settings.http.port}" in _dockerfile()
    text = (_DEPLOY / "sage-mail.toml").read_text()
    assert set(re.findall(r'_env = "(\w+)"', text)) <= sage["environment"].keys()
    volumes = {volume.split(":")[0] for volume in sage["volumes"][1:]}
    assert volumes <= _compose()["volumes"].keys()


def test_the_composition_reaches_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL that is handed over is for the user and the database that are made."""
    services = _compose()["services"]
    url = services["sage"]["environment"]["SAGE_MAIL_DATABASE__URL"]
    url = re.sub(r"\$\{[^}]*\}", "word", url)
    monkeypatch.setenv("SAGE_MAIL_DATABASE__URL", url)
    assert load_settings(_DEPLOY / "sage-mail.toml").database_url == url
    made = services["database"]["environment"]
    assert url == f"postgresql://{made['POSTGRES_USER']}:word@database/{made['POSTGRES_DB']}"
    check = shlex.split(services["database"]["healthcheck"]["test"][1])
    assert check[-1] == made["POSTGRES_DB"]
