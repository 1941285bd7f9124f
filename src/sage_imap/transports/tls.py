"""TLS contexts: verification on, TLS 1.2 at least."""

from __future__ import annotations

import ssl

__all__ = ["default_context"]


def default_context() -> ssl.SSLContext:
    """A context that verifies the server's name against the system's authorities.

    TLS 1.2 is the oldest version that RFC 8314 section 4.1 and RFC 8996 leave.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
