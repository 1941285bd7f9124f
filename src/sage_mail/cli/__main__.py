"""``python -m sage_mail.cli``."""

from __future__ import annotations

from sage_mail.cli import main

main()
