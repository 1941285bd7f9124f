"""Where ``sage-mail`` and ``python -m sage_mail`` begin, whatever is installed."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process and exit; say how to install what it lacks."""
    try:
        from sage_mail.cli import main as command_line
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", "sage_imap", "sage_mail"):
            raise
        sys.exit(f"sage-mail needs pip install 'sage-imap[mail]': {error.name} is not installed")
    command_line()


if __name__ == "__main__":
    main()
