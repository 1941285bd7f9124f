"""Known messages that an arrival may be, and whether the server still has them where they were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sage_imap.aio import IMAPClient
from sage_imap.errors import CommandRejected, MailboxNotFound, UIDValidityChanged
from sage_mail.ingest.matching import Candidate
from sage_mail.ingest.reading import find_copies, search_uids
from sage_mail.records import MessageRecord, MessageState, MoveCandidate
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["candidates_for", "gone_from_server", "reselect"]

_log = get_logger(__name__)

# Who takes a message out of the trash does so soon; later a match would rather be an accident.
_DELETED_LATELY = timedelta(days=1)


async def candidates_for(
    uow: UnitOfWork,
    account_id: int,
    fingerprints: Collection[str],
    *,
    mailbox: str,
    uidvalidity: int,
) -> list[Candidate]:
    """What `matching.classify` needs to know about messages with these fingerprints."""
    found = await uow.messages.find_move_candidates(
        account_id, fingerprints, mailbox=mailbox, uidvalidity=uidvalidity
    )
    horizon = datetime.now(UTC) - _DELETED_LATELY
    return [_candidate(item) for item in found if not _long_deleted(item.message, horizon)]


async def gone_from_server(
    client: IMAPClient, candidates: Sequence[Candidate], *, patient: bool = True
) -> set[int]:
    """The ``message_id`` of the candidates that are not where they were.

    One that is still there but flagged \\Deleted is on its way out: so do clients move without
    MOVE. One in a mailbox that nobody may open counts as still there. Another mailbox is selected
    afterwards than before; see `reselect`.

    Raises:
        CommandRejected: a mailbox cannot be opened just now; told only with *patient*.
    """
    places: dict[tuple[str, int | None], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        places[candidate.mailbox, candidate.uidvalidity].append(candidate)
    gone: set[int] = set()
    for (mailbox, uidvalidity), known in places.items():
        try:
            selected = await client.select(mailbox, readonly=True)
        except MailboxNotFound:
            gone.update(candidate.message_id for candidate in known)
            continue
        except CommandRejected as error:
            if patient and error.retryable:
                raise
            _log.warning("mailbox_refused", mailbox=mailbox, error=type(error).__name__)
            continue
        if selected.uidvalidity == uidvalidity:
            uids = ",".join(str(candidate.uid) for candidate in known)
            there = await search_uids(client, f"UID {uids} UNDELETED")
            gone.update(item.message_id for item in known if item.uid not in there)
            continue
        for candidate in known:
            if not await find_copies(client, candidate.fingerprint, candidate.size, None):
                gone.add(candidate.message_id)
    return gone


async def reselect(
    client: IMAPClient, mailbox: str, uidvalidity: int, *, readonly: bool = False
) -> None:
    """Select the mailbox again after a look elsewhere.

    Raises:
        UIDValidityChanged: it has been reset meanwhile; what was planned for it is void.
    """
    selected = await client.select(mailbox, readonly=readonly)
    if selected.uidvalidity != uidvalidity:
        raise UIDValidityChanged(mailbox, uidvalidity, selected.uidvalidity or 0)


def _long_deleted(message: MessageRecord, horizon: datetime) -> bool:
    return message.state is MessageState.DELETED and (
        message.missing_since is None or message.missing_since < horizon
    )


def _candidate(found: MoveCandidate) -> Candidate:
    message = found.message
    return Candidate(
        message_id=message.id,
        fingerprint=message.fingerprint,
        mailbox=message.mailbox,
        uidvalidity=message.uidvalidity,
        uid=message.uid,
        state=message.state.value,
        size=message.size,
        planned_here=found.planned_here,
        content_hash=message.content_hash,
        internal_date=message.internal_date,
    )
