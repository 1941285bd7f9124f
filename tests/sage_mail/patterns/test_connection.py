"""How the guide's classes reach a mailbox."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConfigurationError
from sage_mail.patterns import RealTimeEmailMonitor
from sage_mail.patterns._connection import connection_of

_CONFIG = {"host": "localhost", "username": "ada", "password": "secret"}


def test_a_file_of_certificates(tmp_path: Path) -> None:
    """What is in it is trusted, and names are verified as ever."""
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    context = connection_of({**_CONFIG, "ca_file": str(file)}).ssl_context
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_without_one() -> None:
    """It is what the library makes of it."""
    config = IMAPConfig.of(_CONFIG)
    assert connection_of(_CONFIG) == config
    assert connection_of(config) is config
    assert connection_of({**_CONFIG, "ca_file": None}) == config


def test_what_cannot_be_used(tmp_path: Path) -> None:
    """The text names the file, and says what to leave out."""
    with pytest.raises(ConfigurationError, match=r"ca_file .*nowhere cannot be used: No such file"):
        RealTimeEmailMonitor({**_CONFIG, "ca_file": tmp_path / "nowhere"}).start_idle_monitoring()
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigurationError, match=r"ca_file .*empty cannot be used"):
        connection_of({**_CONFIG, "ca_file": tmp_path / "empty"})
    with pytest.raises(ConfigurationError, match="not both"):
        connection_of({**_CONFIG, "ca_file": "x", "ssl_context": ssl.create_default_context()})
