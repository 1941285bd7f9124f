"""How a pattern class reaches the mailbox: as the library does, and with ``ca_file``."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from sage_imap.config import IMAPConfig
from sage_imap.errors import ConfigurationError

__all__ = ["connection_of"]


def connection_of(config: IMAPConfig | Mapping[str, Any]) -> IMAPConfig:
    """`IMAPConfig.of` *config*, which may name a file of trusted certificates as ``ca_file``.

    Raises:
        ConfigurationError: *config* cannot be used, or the file cannot be read.
    """
    if not isinstance(config, Mapping) or "ca_file" not in config:
        return IMAPConfig.of(config)
    others = {key: value for key, value in config.items() if key != "ca_file"}
    if config["ca_file"] is None:
        return IMAPConfig.of(others)
    if others.get("ssl_context") is not None:
        raise ConfigurationError("give ca_file or ssl_context, not both")
    return IMAPConfig.of({**others, "ssl_context": _context(config["ca_file"])})


def _context(path: Any) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ConfigurationError(f"ca_file {path} cannot be used: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
