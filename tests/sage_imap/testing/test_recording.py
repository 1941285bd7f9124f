"""Recording, against servers that no real one would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sage_imap.config import IMAPConfig
from sage_imap.errors import AuthenticationFailed
from sage_imap.testing import load_cases, replay_case
from sage_imap.testing import recording as recording_module
from sage_imap.testing.recording import Recording, record
from tests.support.script_server import ScriptServer

SIGN_IN = """
    >> * OK [CAPABILITY IMAP4rev1] Zoe's server
    << A1 LOGIN "zoe.dent" "secret"
    >> A1 OK [CAPABILITY {offers}] Zoe logged in
    << B1 CAPABILITY
    >> * CAPABILITY {offers}
    >> B1 OK done
"""
LIST = """
    << {tag} LIST "" "*"
    >> * LIST (\\\\HasNoChildren) "/" Hush
    >> {tag} OK done
"""
STATUS = """
    << {tag} STATUS "{name}" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)
    >> * STATUS {name} (MESSAGES 3)
    >> {tag} OK done
"""
EXAMINE = """
    << {tag} EXAMINE "{name}"
    >> * 30 EXISTS
    >> * OK [UIDVALIDITY 7] x
    >> {tag} OK [READ-ONLY] done
"""
LOGOUT = """
    << {tag} LOGOUT
    >> * BYE Zoe
    >> {tag} OK done
    .. eof
"""


def begun(offers: str = "IMAP4rev1", name: str = "INBOX") -> str:
    """A script up to the selected mailbox, which took the tags A1 to E1."""
    return (
        SIGN_IN.format(offers=offers)
        + LIST.format(tag="C1")
        + STATUS.format(tag="D1", name=name)
        + EXAMINE.format(tag="E1", name=name)
    )


def recorded(script: str, **options: Any) -> tuple[Recording, bytes]:
    """What is recorded of *script*, and what the client said."""
    with ScriptServer(script) as server:
        config = IMAPConfig(
            host="127.0.0.1",
            port=server.port,
            security="plain",
            username="zoe.dent",
            password="secret",
            timeout=5.0,
        )
        recording = record(config, **options)
        return recording, server.received[0]


def case(recording: Recording, name: str) -> dict[str, Any]:
    """The case of that name."""
    return next(one for one in recording.cases if one["id"] == f"recorded-{name}")


def test_a_whole_conversation(tmp_path: Path) -> None:
    """Each answer is a case that passes; nothing of the user's is in it, nor how he signed in."""
    script = (
        begun()
        + """
        << F1 UID SEARCH 29:*
        >> * SEARCH 107 108
        >> F1 OK done
        << G1 UID FETCH 107:108 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)
        >> * 29 FETCH (UID 107 ENVELOPE (NIL "Hush" NIL NIL NIL NIL NIL NIL NIL NIL))
        >> G1 OK done
        """
        + LOGOUT.format(tag="H1")
    )
    recording, said = recorded(script, messages=2)
    assert recording.failure is None
    assert b"SELECT" not in said
    names = ["greeting", "capability", "list", "status", "examine", "search", "fetch", "logout"]
    assert [one["id"] for one in recording.cases] == [f"recorded-{name}" for name in names]
    text = json.dumps(recording.cases)
    assert not [word for word in ("Hush", "Zoe", "zoe", "dent", "secret", "LOGIN") if word in text]
    path = tmp_path / "cases.json"
    path.write_text(text)
    assert [replay_case(one) for one in load_cases(path)] == [None] * len(names)
    assert case(recording, "fetch")["expect"]["events"][0]["items"]["UID"] == 107
    assert case(recording, "logout")["then"] == "close"
    assert recording.masked == 4


def test_idle_and_extensions() -> None:
    """What the server offers is asked for, IDLE is held for a moment, and cuts are kept."""
    offers = "IMAP4rev1 IDLE ID NAMESPACE SPECIAL-USE"
    script = (
        SIGN_IN.format(offers=offers)
        + """
        << C1 ID ("name" "sage-imap")
        >> * ID NIL
        >> C1 OK done
        << D1 NAMESPACE
        >> * NAMESPACE (("" "/")) NIL NIL
        >> D1 OK done
        """
        + LIST.format(tag="E1")
        + """
        << F1 LIST (SPECIAL-USE) "" "*"
        >> F1 BAD what
        """
        + STATUS.format(tag="G1", name="INBOX")
        + """
        << H1 EXAMINE "INBOX"
        >> * 0 EXISTS
        >> H1 OK done
        << I1 UID SEARCH ALL
        >> * SEARCH
        >> I1 OK done
        << J1 IDLE
        >> + idling
        >> * 1 EXISTS
        << DONE
        >> J1 OK done
        """
        + LOGOUT.format(tag="K1")
    )
    recording, _ = recorded(script, idle=0.05)
    assert recording.failure is None
    assert case(recording, "list-special-use")["expect"]["completion"] == "BAD"
    idle = case(recording, "idle")
    assert {"type": "exists", "count": 1} in idle["expect"]["events"]
    assert idle["cuts"][-1] < len(idle["server_bytes"])


def test_another_mailbox() -> None:
    """The name of the mailbox is masked in the commands as it is in the answers."""
    script = begun(name="Hush") + "<< F1 UID SEARCH 11:*\n>> F1 NO x\n" + LOGOUT.format(tag="G1")
    recording, _ = recorded(script, mailbox="Hush")
    assert case(recording, "examine")["command"] == 'EXAMINE "Xxxa"'
    assert case(recording, "status")["expect"]["events"][0]["mailbox"] == "Xxxa"
    assert '"/" Xxxa' in case(recording, "list")["server_bytes"]


def test_a_mailbox_that_is_not_there() -> None:
    """Without a mailbox the rest is recorded all the same."""
    script = (
        SIGN_IN.format(offers="IMAP4rev1")
        + LIST.format(tag="C1")
        + STATUS.format(tag="D1", name="INBOX")
        + '<< E1 EXAMINE "INBOX"\n>> E1 NO [NONEXISTENT] none\n'
        + LOGOUT.format(tag="F1")
    )
    recording, _ = recorded(script)
    assert case(recording, "examine")["expect"]["error"] == "rejected"
    assert case(recording, "logout")["state"] == "authenticated"


@pytest.mark.parametrize(
    ("answer", "error", "then"),
    [
        (">> * 30 EXISTS\n.. eof\n", "connection-lost", "close"),
        (">> * 1 FETCH (UID 7 BODY[] {109951162777600}\n.. silence\n", "limit", None),
        (">> * BYE Zoe is gone\n.. eof\n", "bye", "close"),
    ],
)
def test_a_conversation_that_breaks_off(answer: str, error: str, then: str | None) -> None:
    """What broke the connection is the last case, and why is told."""
    recording, _ = recorded(begun() + "<< F1 UID SEARCH 11:*\n" + answer)
    last = recording.cases[-1]
    assert recording.failure is not None
    assert recording.failure.startswith("UID SEARCH ended in ")
    assert (last["id"], last["expect"]["error"]) == ("recorded-search", error)
    assert last.get("then") == then


def test_what_comes_behind_the_completion() -> None:
    """A response that begins in the read of the completion is waited for."""
    script = (
        begun()
        + """
        << F1 UID SEARCH 11:*
        >> F1 OK done\\r\\n* 31 EX\\c
        >> ISTS
        """
        + LOGOUT.format(tag="G1")
    )
    recording, _ = recorded(script)
    assert case(recording, "search")["server_bytes"].endswith("* 31 EXISTS\r\n")


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is too large for a file to look over ends the recording."""
    monkeypatch.setattr(recording_module, "_MOST_OCTETS", 400)
    rows = ">> * SEARCH 1 2 3 4 5 6 7 8 9\n" * 40
    recording, _ = recorded(begun() + "<< F1 UID SEARCH 11:*\n" + rows + ".. silence\n")
    assert recording.failure == "UID SEARCH ended in LimitExceeded"


def test_a_rest_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a response behind the completion is kept as it is, and the conversation goes on."""
    monkeypatch.setattr(recording_module, "_REST", 0.05)
    script = begun() + "<< F1 UID SEARCH 11:*\n>> F1 OK done\\r\\n* 31 EX\\c\n"
    recording, _ = recorded(script + LOGOUT.format(tag="G1"))
    search = case(recording, "search")
    assert (search["server_bytes"], search["then"]) == ("A1 OK done\r\n* 11 XX", "close")


def test_signing_in_that_fails() -> None:
    """Whoever cannot sign in has nothing to record."""
    script = (
        '>> * OK [CAPABILITY IMAP4rev1] x\n<< A1 LOGIN "zoe.dent" "secret"\n>> A1 NO no\n.. eof'
    )
    with pytest.raises(AuthenticationFailed):
        recorded(script)
