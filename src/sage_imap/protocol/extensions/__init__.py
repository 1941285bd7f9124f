"""Builders of the commands that extensions add, a module an extension with its ABNF."""

from __future__ import annotations

from sage_imap.protocol.extensions.enable import enable
from sage_imap.protocol.extensions.id import identify
from sage_imap.protocol.extensions.idle import idle
from sage_imap.protocol.extensions.move import move
from sage_imap.protocol.extensions.namespace import namespace
from sage_imap.protocol.extensions.uidplus import expunge
from sage_imap.protocol.extensions.unselect import unselect

__all__ = ["enable", "expunge", "identify", "idle", "move", "namespace", "unselect"]
