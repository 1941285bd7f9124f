"""What `sage_imap` itself offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sage_imap
from sage_imap.services import IMAPClient


def test_the_client_is_offered() -> None:
    """It is the blocking one, and nothing else is there."""
    assert sage_imap.IMAPClient is IMAPClient
    with pytest.raises(AttributeError, match="no attribute 'Client'"):
        _ = sage_imap.Client  # type: ignore[attr-defined]  # the point of the test


def test_the_package_alone_loads_nothing() -> None:
    """Whoever imports a part of it does not pay for the client."""
    code = "import sys; known = set(sys.modules); import sage_imap; print(set(sys.modules) - known)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert eval(told.stdout) == {"sage_imap", "__future__"}
