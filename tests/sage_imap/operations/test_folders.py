"""From a logical folder to one that is there, on servers of different kinds."""

from __future__ import annotations

import pytest

from sage_imap.errors import CommandRejected, LocalProtocolError
from sage_imap.operations.folders import candidates, ensure_folder, find_folder, folder_for
from sage_imap.protocol.events import NamespaceReceived
from tests.support.scripts import staged


def _space(prefix: str, delimiter: str | None) -> NamespaceReceived:
    return NamespaceReceived(personal=((prefix, delimiter),))


@pytest.mark.parametrize(
    ("logical", "prefix", "delimiter", "expected"),
    [
        ("INBOX/Support", "", "/", ["INBOX/Support", "Support"]),
        ("INBOX/Support", "INBOX.", ".", ["INBOX.Support"]),
        ("inbox/Support/VIP", "INBOX.", ".", ["INBOX.Support.VIP"]),
        ("Support", "INBOX.", ".", ["INBOX.Support"]),
        ("Support", "", ".", ["Support"]),
        ("INBOX/Support", "Mail/", "/", ["Mail/Support", "INBOX/Support"]),
        ("INBOX/v1.2", "", ".", ["INBOX.v1_2", "v1_2"]),
        ("INBOX/Support", "", None, ["INBOX_Support", "Support"]),
        ("INBOX", "INBOX.", ".", ["INBOX"]),
        ("/inbox/", "", "/", ["INBOX"]),
        ("/A//B/", "", "/", ["A/B"]),
    ],
)
def test_candidates(logical: str, prefix: str, delimiter: str | None, expected: list[str]) -> None:
    """The names that a folder may have, each once, the best first."""
    assert candidates(logical, _space(prefix, delimiter)) == expected


def test_no_name() -> None:
    """A folder has a name."""
    with pytest.raises(LocalProtocolError):
        candidates("//", _space("", "/"))


SPACE = '<< A1 NAMESPACE\n>> * NAMESPACE (("" "/")) NIL NIL\n>> A1 OK done\n'
OFFERS = "IMAP4rev1 NAMESPACE"


def test_found() -> None:
    """A folder that is there is used; wildcards in its name match nothing else."""
    with staged(
        SPACE
        + """
        << A2 LIST "" "INBOX/50%"
        >> * LIST () "/" "INBOX/50 or more"
        >> * LIST () "/" "INBOX/50%"
        >> A2 OK done
        """,
        offers=OFFERS,
    ) as stage:
        assert stage.run(ensure_folder(stage.session, "INBOX/50%")) == "INBOX/50%"


def test_found_beside() -> None:
    """A folder that somebody created beside INBOX is used as it is."""
    with staged(
        SPACE
        + """
        << A2 LIST "" "INBOX/Support"
        >> * LIST (\\\\Noselect) "/" "INBOX/Support"
        >> A2 OK done
        << A3 LIST "" "Support"
        >> * LIST () "/" "Support"
        >> A3 OK done
        """,
        offers=OFFERS,
    ) as stage:
        assert stage.run(find_folder(stage.session, "INBOX/Support")) == "Support"


MISSING = SPACE + '<< A2 LIST "" "INBOX/New"\n>> A2 OK done\n<< A3 LIST "" "New"\n>> A3 OK done\n'


def test_not_found() -> None:
    """None, where it is not there."""
    with staged(MISSING, offers=OFFERS) as stage:
        assert stage.run(find_folder(stage.session, "INBOX/New")) is None


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            '>> * LIST () "/" INBOX\n>> A4 OK done\n<< A5 CREATE "INBOX/New"\n>> A5 OK done',
            "INBOX/New",
        ),
        (
            '>> * LIST (\\\\NoInferiors) "/" INBOX\n>> A4 OK done\n'
            '<< A5 CREATE "New"\n>> A5 OK done',
            "New",
        ),
        (
            '>> * LIST () "/" INBOX\n>> A4 OK done\n'
            '<< A5 CREATE "INBOX/New"\n>> A5 NO [CANNOT] no\n'
            '<< A6 CREATE "New"\n>> A6 OK done',
            "New",
        ),
        (
            '>> A4 OK done\n<< A5 CREATE "INBOX/New"\n>> A5 NO exists\n'
            '<< A6 CREATE "New"\n>> A6 NO [NOPERM] no\n'
            '<< A7 LIST "" "INBOX/New"\n>> * LIST () "/" INBOX/New\n>> A7 OK done',
            "INBOX/New",
        ),
    ],
    ids=["below", "no inferiors", "refused below", "somebody was faster"],
)
def test_created(script: str, expected: str) -> None:
    """A folder is created where the server lets us."""
    with staged(f'{MISSING}<< A4 LIST "" "INBOX"\n{script}', offers=OFFERS) as stage:
        assert stage.run(ensure_folder(stage.session, "INBOX/New")) == expected


def test_refused_everywhere() -> None:
    """What the server says last is raised."""
    with staged(
        MISSING
        + """
        << A4 LIST "" "INBOX"
        >> A4 OK done
        << A5 CREATE "INBOX/New"
        >> A5 NO first
        << A6 CREATE "New"
        >> A6 NO [OVERQUOTA] second
        << A7 LIST "" "INBOX/New"
        >> A7 OK done
        << A8 LIST "" "New"
        >> A8 OK done
        """,
        offers=OFFERS,
    ) as stage:
        with pytest.raises(CommandRejected) as caught:
            stage.run(ensure_folder(stage.session, "INBOX/New"))
        assert caught.value.code == "OVERQUOTA"


def test_nothing_fits() -> None:
    """A server that takes no children of INBOX, and has a namespace there alone, has no place."""
    with (
        staged(
            """
        << A1 NAMESPACE
        >> * NAMESPACE (("INBOX/" "/")) NIL NIL
        >> A1 OK done
        << A2 LIST "" "INBOX/New"
        >> A2 OK done
        << A3 LIST "" "INBOX"
        >> * LIST (\\\\Noinferiors) "/" INBOX
        >> A3 OK done
        """,
            offers=OFFERS,
        ) as stage,
        pytest.raises(LocalProtocolError, match="fits"),
    ):
        stage.run(ensure_folder(stage.session, "INBOX/New"))


@pytest.mark.parametrize(("listed", "there"), [('>> * LIST () "." A.B\n', True), ("", False)])
def test_a_folder_that_somebody_else_makes(listed: str, *, there: bool) -> None:
    """Whoever is slower has the folder all the same; a refusal of another kind is raised."""
    with staged(
        f"""
        << A1 LIST "" "A.B"
        >> A1 OK done
        << A2 NAMESPACE
        >> * NAMESPACE (("" ".")) NIL NIL
        >> A2 OK done
        << A3 CREATE "A.B"
        >> A3 NO no
        << A4 LIST "" "A.B"
        {listed}
        >> A4 OK done
        """,
        offers=OFFERS,
    ) as stage:
        finding = folder_for(stage.session, "A.B", create_missing=True)
        if there:
            assert stage.run(finding) == "A.B"
            return
        with pytest.raises(CommandRejected):
            stage.run(finding)
