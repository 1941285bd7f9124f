"""``sage-mail run``: watch the mailboxes until a signal says stop."""

from __future__ import annotations

import sys

from sage_mail.cli.options import ConfigOption

__all__ = ["run"]


def run(config: ConfigOption = None) -> None:
    """Watch all mailboxes, store, file and announce what arrives; Ctrl-C or SIGTERM ends it."""
    from sage_mail import telemetry
    from sage_mail.errors import ConfigError
    from sage_mail.runtime import run_until_signalled
    from sage_mail.settings import load_settings

    settings = load_settings(config)
    if not settings.accounts:
        where = settings.source or "the environment"
        raise ConfigError(f"{where} names no account; add an [[accounts]] table")
    log = settings.log
    try:
        telemetry.configure(log.level, log.format, stream=sys.stdout, file=log.file)
    except OSError as error:
        raise ConfigError(
            f"log.file: {log.file} cannot be written: {error.strerror}; name another file"
        ) from error
    run_until_signalled(settings)
