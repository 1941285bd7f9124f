"""The messages: where each was last seen, what is in it and what was decided about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, bindparam, func, insert, literal_column, select, update

from sage_mail.errors import StorageError
from sage_mail.records import (
    ActionKind,
    ActionStatus,
    AttachmentRecord,
    ContentRecord,
    MessageRecord,
    MessageState,
    MoveCandidate,
    NewMessage,
    StoredDecision,
)
from sage_mail.storage import tables
from sage_mail.storage.errors import translated
from sage_mail.storage.message_rows import (
    Home,
    added_record,
    attachment_record,
    attachment_values,
    content_record,
    content_values,
    message_record,
    message_values,
    select_messages,
)
from sage_mail.storage.transaction import Transaction

__all__ = ["Messages"]

_T = TypeVar("_T")

_messages = tables.messages.c
_actions = tables.actions.c
_INSERT: Final = insert(tables.messages).returning(_messages.id, sort_by_parameter_order=True)
_HOME_OF: Final = (
    select(
        tables.mailboxes.c.account_id,
        tables.accounts.c.name.label("account"),
        tables.mailboxes.c.name.label("mailbox"),
    )
    .join_from(tables.mailboxes, tables.accounts)
    .where(tables.mailboxes.c.id == bindparam("mailbox"))
)

# Literals, not parameters: only with these can the partial indexes be used.
_IS_MISSING: Final = _messages.state == literal_column("'missing'")
_IS_KNOWN: Final = _messages.state.in_([state.value for state in MessageState])

# Far below the parameters that a statement may have (SQLite 32,766, PostgreSQL 65,535).
_PORTION: Final = 5000
# More copies of one message than this say nothing more about where a newcomer comes from.
_MOST_CANDIDATES: Final = 1000


class Messages:
    """Repository of the messages with their contents and attachments."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._homes: dict[int, Home] = {}

    async def add(self, message: NewMessage) -> int:
        """Store the message with content and attachments as present; its row's id.

        Raises:
            RecordRejected: a message is present at this location already, or the database cannot
                take a value. Within a savepoint the transaction goes on.
        """
        return (await self.add_all([message]))[0].id

    async def add_all(self, messages: Sequence[NewMessage]) -> list[MessageRecord]:
        """The same for many by one statement; each as it would be read back, without reading.

        Raises:
            RecordRejected: one of them cannot be stored, and so none of them is.
        """
        if not messages:
            return []
        homes = [await self._home_of(message.mailbox_id) for message in messages]
        with translated():
            values = [
                message_values(message, home.account_id)
                for message, home in zip(messages, homes, strict=True)
            ]
        numbers = [row.id for row in await self._transaction.all(_INSERT, values)]
        for number, message in zip(numbers, messages, strict=True):
            self._transaction.collect(tables.contents, content_values(number, message))
            self._transaction.collect(tables.attachments, *attachment_values(number, message))
        return [
            added_record(number, message, home, row["decision"])
            for number, message, home, row in zip(numbers, messages, homes, values, strict=True)
        ]

    async def get(self, message_id: int) -> MessageRecord | None:
        """The message by its row."""
        return await self._one(_messages.id == message_id)

    async def find_at(self, mailbox_id: int, uidvalidity: int, uid: int) -> MessageRecord | None:
        """The message at this location or last seen there; the present one if there are several."""
        found = await self.find_many(mailbox_id, uidvalidity, [uid])
        return found.get(uid)

    async def find_many(
        self, mailbox_id: int, uidvalidity: int, uids: Collection[int]
    ) -> dict[int, MessageRecord]:
        """The known messages at these UIDs or last seen there, by UID; present ones go first."""
        found: dict[int, MessageRecord] = {}
        for portion in _portions(uids):
            statement = select_messages().where(
                *_at(mailbox_id, uidvalidity), _IS_KNOWN, _messages.uid.in_(portion)
            )
            for row in await self._transaction.all(statement.order_by(_messages.id)):
                record = message_record(row)
                uid: int = row.uid
                if uid not in found or record.state is MessageState.PRESENT:
                    found[uid] = record
        return found

    async def known_uids(
        self, mailbox_id: int, uidvalidity: int, uids: Collection[int]
    ) -> set[int]:
        """Those of the UIDs at which a message is known, in any state, or was last seen."""
        known: set[int] = set()
        for portion in _portions(uids):
            statement = select(_messages.uid).where(
                *_at(mailbox_id, uidvalidity), _IS_KNOWN, _messages.uid.in_(portion)
            )
            known.update(row.uid for row in await self._transaction.all(statement))
        return known

    async def present_uids(self, mailbox_id: int, uidvalidity: int) -> list[int]:
        """The UIDs of the messages that are present in the mailbox, ascending."""
        return await self._uids(mailbox_id, uidvalidity, MessageState.PRESENT)

    async def missing_uids(self, mailbox_id: int, uidvalidity: int) -> list[int]:
        """The UIDs of the messages that were in the mailbox and are missing, ascending."""
        return await self._uids(mailbox_id, uidvalidity, MessageState.MISSING)

    async def flags_by_uid(
        self, mailbox_id: int, uidvalidity: int, uids: Collection[int] | None = None
    ) -> dict[int, tuple[str, ...]]:
        """The known flags of the messages present in the mailbox, or of those at these UIDs."""
        statement = select(_messages.uid, _messages.flags).where(
            *_at(mailbox_id, uidvalidity), _messages.state == MessageState.PRESENT
        )
        if uids is None:
            rows = await self._transaction.all(statement)
            return {row.uid: tuple(row.flags) for row in rows}
        flags: dict[int, tuple[str, ...]] = {}
        for portion in _portions(uids):
            rows = await self._transaction.all(statement.where(_messages.uid.in_(portion)))
            flags.update((row.uid, tuple(row.flags)) for row in rows)
        return flags

    async def find_move_candidates(
        self,
        account_id: int,
        fingerprints: Collection[str],
        *,
        mailbox: str,
        uidvalidity: int,
    ) -> list[MoveCandidate]:
        """The account's messages with one of the fingerprints that newcomers to *mailbox* may be.

        That is all of them, in any state and the oldest first, but those that are known to lie in
        this mailbox under this UIDVALIDITY. ``planned_here`` tells that the journal has an
        unsettled move of the message to *mailbox*.
        """
        planned = (
            select(_actions.id)
            .where(
                _actions.message_id == _messages.id,
                _actions.kind == ActionKind.MOVE,
                _actions.status == ActionStatus.PLANNED,
                _actions.target == mailbox,
            )
            .exists()
        )
        here = (
            (tables.mailboxes.c.name == mailbox)
            & (_messages.uidvalidity == uidvalidity)
            & _messages.uid.is_not(None)
            & (_messages.state == MessageState.PRESENT)
        )
        candidates: list[MoveCandidate] = []
        for portion in _portions(fingerprints):
            statement = (
                select_messages()
                .add_columns(planned.label("planned_here"))
                .where(
                    _messages.account_id == account_id, _messages.fingerprint.in_(portion), ~here
                )
                .order_by(_messages.id)
                .limit(_MOST_CANDIDATES)
            )
            candidates.extend(
                MoveCandidate(message_record(row), bool(row.planned_here))
                for row in await self._transaction.all(statement)
            )
        return candidates

    async def outdated(self, mailbox_id: int, uidvalidity: int) -> list[MessageRecord]:
        """What is present in the mailbox, or missing, under another UIDVALIDITY, oldest first.

        After a reset each is to be relocated or marked as missing.
        """
        statement = select_messages().where(
            _messages.mailbox_id == mailbox_id,
            _messages.uidvalidity != uidvalidity,
            _messages.state.in_([MessageState.PRESENT, MessageState.MISSING]),
        )
        rows = await self._transaction.all(statement.order_by(_messages.id))
        return [message_record(row) for row in rows]

    async def relocate(
        self,
        message_id: int,
        *,
        mailbox_id: int,
        uidvalidity: int | None,
        uid: int | None,
    ) -> None:
        """The message is present at this location, wherever it was before.

        UIDVALIDITY and UID are None where a move of ours has taken it and the server has not told.

        Raises:
            RecordRejected: another message is present there.
        """
        if (uidvalidity is None) is not (uid is None):
            raise ValueError("a UID means nothing without its UIDVALIDITY")
        await self._update(
            _messages.id == message_id,
            mailbox_id=mailbox_id,
            uidvalidity=uidvalidity,
            uid=uid,
            modseq=None,
            state=MessageState.PRESENT,
            missing_since=None,
        )

    async def mark_missing(
        self, mailbox_id: int, uidvalidity: int, uids: Collection[int], *, at: datetime
    ) -> int:
        """The messages present at these UIDs are not there any more; how many they were."""
        changed = 0
        for portion in _portions(uids):
            changed += await self._update(
                *_at(mailbox_id, uidvalidity),
                _messages.state == MessageState.PRESENT,
                _messages.uid.in_(portion),
                state=MessageState.MISSING,
                missing_since=at,
            )
        return changed

    async def mark_all_missing(self, mailbox_id: int, *, at: datetime) -> int:
        """The messages present in the mailbox are not there any more; how many they were."""
        return await self._update(
            _messages.mailbox_id == mailbox_id,
            _messages.state == MessageState.PRESENT,
            state=MessageState.MISSING,
            missing_since=at,
        )

    async def mark_message_missing(self, message_id: int, *, at: datetime) -> bool:
        """The message is not where it was, under whichever UIDVALIDITY; False if known before."""
        changed = await self._update(
            _messages.id == message_id,
            _messages.state == MessageState.PRESENT,
            state=MessageState.MISSING,
            missing_since=at,
        )
        return changed > 0

    async def mark_present(self, mailbox_id: int, uidvalidity: int, uids: Collection[int]) -> int:
        """The missing messages at these UIDs are there after all; how many they were."""
        changed = 0
        for portion in _portions(uids):
            changed += await self._update(
                *_at(mailbox_id, uidvalidity),
                _messages.state == MessageState.MISSING,
                _messages.uid.in_(portion),
                state=MessageState.PRESENT,
                missing_since=None,
            )
        return changed

    async def missing_before(
        self, account_id: int, at: datetime, *, limit: int = 1000
    ) -> list[MessageRecord]:
        """The account's messages that are missing since before the instant, longest first."""
        statement = select_messages().where(
            _messages.account_id == account_id, _IS_MISSING, _messages.missing_since < at
        )
        rows = await self._transaction.all(
            statement.order_by(_messages.missing_since, _messages.id).limit(limit)
        )
        return [message_record(row) for row in rows]

    async def mark_deleted(self, message_id: int) -> bool:
        """The message is not looked for any more; False if it was found in the meantime."""
        changed = await self._update(
            _messages.id == message_id,
            _messages.state == MessageState.MISSING,
            state=MessageState.DELETED,
        )
        return changed > 0

    async def set_flags(
        self, message_id: int, flags: Sequence[str], *, modseq: int | None = None
    ) -> None:
        """Note the flags as the server has them, and the mod-sequence if it has told one."""
        values: dict[str, Any] = {"flags": list(flags)}
        if modseq is not None:
            values["modseq"] = modseq
        await self._update(_messages.id == message_id, **values)

    async def set_decision(self, message_id: int, decision: StoredDecision) -> None:
        """Replace what was decided about the message."""
        await self._update(
            _messages.id == message_id,
            category=decision.category,
            confidence=decision.confidence,
            priority=decision.priority,
            kind=decision.kind,
            topic=decision.topic,
            decision=decision.details,
        )

    async def content(self, message_id: int) -> ContentRecord | None:
        """The readable part of the message; its bytes are in the blob store."""
        statement = select(tables.contents).where(tables.contents.c.message_id == message_id)
        rows = await self._transaction.read(statement)
        return content_record(rows[0]) if rows else None

    async def attachments(self, message_id: int) -> list[AttachmentRecord]:
        """The attachments of the message in its order."""
        statement = (
            select(tables.attachments)
            .where(tables.attachments.c.message_id == message_id)
            .order_by(tables.attachments.c.position)
        )
        return [attachment_record(row) for row in await self._transaction.read(statement)]

    async def latest(self, limit: int) -> list[MessageRecord]:
        """The messages stored last, the latest first."""
        statement = select_messages().order_by(_messages.id.desc()).limit(limit)
        return [message_record(row) for row in await self._transaction.all(statement)]

    async def counts(self) -> Mapping[str | None, int]:
        """How many messages were ever stored, by category (None: nothing was decided)."""
        return await self._counts(_messages.category)

    async def counts_by_state(self) -> Mapping[MessageState, int]:
        """How many messages are in each state; what is zero is left out."""
        counts = await self._counts(_messages.state)
        return {MessageState(state): count for state, count in counts.items()}

    async def _counts(self, column: ColumnElement[Any]) -> dict[Any, int]:
        rows = await self._transaction.all(
            select(column.label("value"), func.count().label("number")).group_by(column)
        )
        return {row.value: row.number for row in rows}

    async def _home_of(self, mailbox_id: int) -> Home:
        """The mailbox and its account; these never change, so they are asked once a transaction."""
        if mailbox_id not in self._homes:
            row = await self._transaction.first(_HOME_OF, {"mailbox": mailbox_id})
            if row is None:
                raise StorageError("a message cannot be stored in a mailbox that is not known")
            self._homes[mailbox_id] = Home(row.account_id, row.account, row.mailbox)
        return self._homes[mailbox_id]

    async def _one(self, *conditions: ColumnElement[bool]) -> MessageRecord | None:
        row = await self._transaction.first(select_messages().where(*conditions))
        return None if row is None else message_record(row)

    async def _uids(self, mailbox_id: int, uidvalidity: int, state: MessageState) -> list[int]:
        statement = (
            select(_messages.uid)
            .where(*_at(mailbox_id, uidvalidity), _messages.state == state)
            .order_by(_messages.uid)
        )
        return [row.uid for row in await self._transaction.all(statement)]

    async def _update(self, *conditions: ColumnElement[bool], **values: Any) -> int:
        statement = update(tables.messages).where(*conditions).values(**values)
        return await self._transaction.execute(statement)


def _at(mailbox_id: int, uidvalidity: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _messages.mailbox_id == mailbox_id, _messages.uidvalidity == uidvalidity


def _portions(values: Collection[_T]) -> Iterator[list[_T]]:
    remaining = iter(values)
    while portion := list(islice(remaining, _PORTION)):
        yield portion
