"""``python -m sage_imap.testing``: transcripts of servers, played and recorded."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from sage_imap.config import IMAPConfig
from sage_imap.errors import IMAPError
from sage_imap.testing.cases import CaseError, load_cases
from sage_imap.testing.recording import Recording, record
from sage_imap.testing.replay import replay_case

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that *arguments* name.

    The status is 0 where all is well, 1 where a case failed or the mailbox could not be selected,
    and 2 for misuse and where nothing could be done.
    """
    parser = argparse.ArgumentParser(prog="python -m sage_imap.testing", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("replay", help="play transcript cases and compare what comes of them")
    verb.add_argument("cases", type=Path, help="a JSON file of cases")
    _add_record(verbs.add_parser("record", help="record your own server as cases, redacted"))
    options = parser.parse_args(arguments)
    return _replay(options.cases) if options.verb == "replay" else _record(options)


def _add_record(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--host", required=True, help="the name of the mail server")
    verb.add_argument("--port", type=int, help="default: 993 with TLS from the start, else 143")
    verb.add_argument("--security", choices=("tls", "starttls", "plain"), default="tls")
    verb.add_argument("--ca-file", type=Path, help="certificates to trust, beside the system's")
    verb.add_argument("--username", required=True)
    verb.add_argument(
        "--password-env",
        metavar="VARIABLE",
        help="the environment variable that holds the password; without it you are asked",
    )
    verb.add_argument(
        "--auth",
        choices=("login", "plain", "xoauth2"),
        default="login",
        help="xoauth2: the password is an access token",
    )
    verb.add_argument("--mailbox", default="INBOX", help="the mailbox to look at; default: INBOX")
    verb.add_argument(
        "--messages", type=int, default=20, help="how many of its last messages; default: 20"
    )
    verb.add_argument("--output", type=Path, required=True, help="a new file for the cases")


def _replay(path: Path) -> int:
    try:
        cases = load_cases(path)
    except (CaseError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not cases:
        sys.stderr.write(f"there is no case in {path}\n")
        return 2
    failed = 0
    for case in cases:
        failure = replay_case(case)
        if failure is not None:
            failed += 1
            sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"{len(cases) - failed} passed, {failed} failed\n")
    return 1 if failed else 0


def _record(options: argparse.Namespace) -> int:
    try:
        _check(options)
        recording = record(_config(options), mailbox=options.mailbox, messages=options.messages)
    except (_Misuse, IMAPError, OSError) as error:
        sys.stderr.write(f"nothing was recorded: {error}\n")
        return 2
    try:
        options.output.write_text(json.dumps(recording.cases, indent=1) + "\n", encoding="ascii")
    except OSError as error:
        sys.stderr.write(f"the recording could not be written and is lost: {error}\n")
        return 2
    refusal = _refusal(recording)
    if refusal is not None:
        sys.stderr.write(
            f"the mailbox {options.mailbox} could not be selected (the server answered {refusal}), "
            "so that no message was looked at: name one that is there with --mailbox\n"
        )
    sys.stdout.write(_report(recording, options.output))
    return 0 if refusal is None else 1


def _check(options: argparse.Namespace) -> None:
    """Raise what can be known to be wrong before anybody is asked for anything."""
    if options.output.exists():
        raise _Misuse(f"{options.output} is there already")
    folder = options.output.parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise _Misuse(f"{folder} is no folder that can be written to")
    if options.messages < 1:
        raise _Misuse("--messages is at least 1")


def _refusal(recording: Recording) -> str | None:
    """With what the server answered the wish to look at the mailbox, if that was not OK."""
    for case in recording.cases:
        if case["id"] == "recorded-examine" and recording.failure is None:
            completion = case["expect"]["completion"]
            return None if completion == "OK" else str(completion)
    return None


class _Misuse(Exception):
    """What was given on the command line cannot be used."""


def _secret(options: argparse.Namespace) -> str:
    if options.password_env is not None:
        secret = os.environ.get(options.password_env)
        if not secret:
            raise _Misuse(f"the environment variable {options.password_env} is not set")
        return secret
    try:
        return getpass.getpass(f"Password of {options.username}: ")
    except EOFError as error:
        why = "there is no terminal to ask for the password: use --password-env"
        raise _Misuse(why) from error


def _config(options: argparse.Namespace) -> IMAPConfig:
    secret = _secret(options)
    context = _trusting(options.ca_file) if options.ca_file else None
    by_token = options.auth == "xoauth2"
    return IMAPConfig(
        host=options.host,
        port=options.port,
        security=options.security,
        ssl_context=context,
        username=options.username,
        password="" if by_token else secret,
        access_token=secret if by_token else None,
        auth=options.auth,
    )


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one
        raise _Misuse(f"--ca-file {ca_file}: {error}") from error


def _report(recording: Recording, path: Path) -> str:
    cut = f"The conversation broke off: {recording.failure}.\n" if recording.failure else ""
    return (
        f"{cut}{len(recording.cases)} cases were written to {path}; "
        f"strings masked in them: {recording.masked}.\n"
        "Names, subjects, addresses, identifiers and texts are replaced by x and 1. Look the file "
        "over before you give it away: you alone know what is private.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
