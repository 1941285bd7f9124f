"""New secrets, where they are kept, and what is left alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordSetError
from pydantic import SecretStr

from sage_mail.delivery.rotation import finish, new_secret, rotate
from sage_mail.errors import ConfigError, SecretUnavailable
from sage_mail.secrets import SecretSource


class _Keyring(KeyringBackend):
    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept = {("sage", "crm"): "old"}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise PasswordSetError("locked")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        raise KeyringError


@pytest.fixture
def ring() -> Iterator[_Keyring]:
    before, ring = keyring.get_keyring(), _Keyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def _source(**places: object) -> SecretSource:
    return SecretSource(owner='webhook "crm"', key="secret", **places)  # type: ignore[arg-type]


def test_a_new_secret_is_long_and_of_the_specification() -> None:
    """Thirty-two random bytes behind the prefix, never the same twice."""
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_in_a_file(tmp_path: Path) -> None:
    """The new secret stands before the old one until the rotation is finished; the mode stays."""
    path = tmp_path / "secret"
    path.write_text("old\n")
    path.chmod(0o640)
    new = rotate(_source(file=path))
    assert path.read_text() == f"{new}\nold\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert _source(file=path).resolve_all() == (new, "old")
    with pytest.raises(ConfigError, match="two valid secrets already"):
        rotate(_source(file=path))
    assert finish(_source(file=path))
    assert path.read_text() == f"{new}\n"
    assert not finish(_source(file=path))
    assert list(tmp_path.iterdir()) == [path]


def test_in_the_keyring(ring: _Keyring) -> None:
    """The keyring's entry holds both, one a line."""
    source = _source(keyring="sage/crm")
    new = rotate(source)
    assert ring.kept["sage", "crm"] == f"{new}\nold"
    assert source.resolve_all() == (new, "old")
    assert finish(source)
    assert ring.kept["sage", "crm"] == new


def test_a_keyring_that_cannot_be_written(ring: _Keyring) -> None:
    """Nothing is changed, and the error says so."""
    ring.locked = True
    with pytest.raises(SecretUnavailable, match="nothing was changed"):
        rotate(_source(keyring="sage/crm"))
    assert ring.kept["sage", "crm"] == "old"


@pytest.mark.parametrize("place", ["value", "env"])
def test_where_we_cannot_write(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration and the environment are a person's to change, and the error says how."""
    monkeypatch.setenv("CRM_SECRET", "old")
    source = _source(value=SecretStr("old")) if place == "value" else _source(env="CRM_SECRET")
    with pytest.raises(ConfigError, match="yours to change: set it to two lines"):
        rotate(source)


def test_two_lines_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both lines sign, the first as the newest; more than two are too many."""
    monkeypatch.setenv("CRM_SECRET", "new\nold\nolder")
    assert _source(env="CRM_SECRET").resolve_all() == ("new", "old")


def test_a_file_that_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk fails the file is as it was, nothing is left beside it, and the error says so."""
    path = tmp_path / "secret"
    path.write_text("old\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SecretUnavailable, match=r"No space left on device; nothing was changed"):
        rotate(_source(file=path))
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_without_a_secret(tmp_path: Path) -> None:
    """An empty file is said to be empty."""
    path = tmp_path / "secret"
    path.write_text("\n\n")
    with pytest.raises(SecretUnavailable, match="secret is empty"):
        _source(file=path).resolve_all()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is changed, where its directory is another, too."""
    (tmp_path / "kept").mkdir()
    path, link = tmp_path / "kept" / "secret", tmp_path / "secret"
    path.write_text("old\n")
    link.symlink_to(path)
    new = rotate(_source(file=link))
    assert link.is_symlink()
    assert path.read_text() == f"{new}\nold\n"
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    """What root rotates the service can still read."""
    path = tmp_path / "secret"
    path.write_text("old\n")
    path.chmod(0o600)
    os.chown(path, 10_001, 10_002)
    rotate(_source(file=path))
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (10_001, 10_002, 0o600)


def test_an_owner_that_cannot_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be given back to its owner nothing is changed."""

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "secret"
    path.write_text("old\n")
    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(SecretUnavailable, match="nothing was changed; try it as the owner"):
        rotate(_source(file=path))
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]
