"""What has been planned is done on the server: flags first, then moves.

Each action is planned in the transaction that stored its message and is carried out here after the
commit. It may be carried out again after a crash, so the source is looked at first: what is not
there any more has been moved already (by us, and the journal was not written; or by somebody else)
or deleted. A message is never lost by a failure: it stays where it is.

Without MOVE a move is a copy and a removal, which may have been interrupted between the two. There
the target is looked at first, too: what lies in it already is removed from the source and not
copied once more.

Nothing is begun on the server unless it is certain that this is the one service on the database,
and was when the plan was read.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sage_imap.aio import IMAPClient
from sage_imap.errors import (
    CapabilityMissing,
    CommandRejected,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    MailboxNotFound,
)
from sage_imap.models.message import MessageSet
from sage_imap.models.results import MoveResult
from sage_imap.operations import messages
from sage_imap.protocol.sets import UIDSet
from sage_mail import faults
from sage_mail.delivery.payloads import Place
from sage_mail.ingest.fetched import Fetched
from sage_mail.ingest.planning import Sized
from sage_mail.ingest.reading import (
    fetch_messages,
    find_copies,
    message_set,
    search_uids,
    selected_mailbox,
)
from sage_mail.ingest.scope import Scope
from sage_mail.ingest.writing import announce_move
from sage_mail.keywords import PROCESSED, is_permitted
from sage_mail.records import ActionKind, ActionRecord, MessageRecord, MessageState
from sage_mail.storage import UnitOfWork
from sage_mail.telemetry import get_logger

__all__ = ["Mover"]

_log = get_logger(__name__)

_AT_ONCE = 100
# A refusal may be a matter of a quota or a lock that goes away within minutes, or it may stay.
_MOST_ATTEMPTS = 6
_FIRST_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Task:
    """An action and its message as the database has it now."""

    action: ActionRecord
    message: MessageRecord

    @property
    def uid(self) -> int:
        """Where the message lies in the source now; after a UIDVALIDITY change not where it was."""
        return self.message.uid or 0


class Mover:
    """Carries out the planned actions of one account, on a connection of its own."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._tenure = 0

    async def work(self, client: IMAPClient) -> bool:
        """Carry out some of what is due; False if nothing is.

        A lost connection raises; what it interrupted stays planned and is looked into again.
        """
        self._tenure = await self._scope.storage.tenure.begun()
        async with self._scope.storage.read() as uow:
            due = await uow.actions.due(self._scope.account_id, datetime.now(UTC), limit=_AT_ONCE)
        groups: dict[tuple[ActionKind, str, str], list[ActionRecord]] = defaultdict(list)
        for action in due:
            groups[action.kind, action.mailbox, action.target].append(action)
        for kind, mailbox, target in sorted(groups, key=lambda group: group[0] is ActionKind.MOVE):
            await self._group(client, mailbox, target, groups[kind, mailbox, target])
        return bool(due)

    async def _group(
        self, client: IMAPClient, mailbox: str, target: str, actions: list[ActionRecord]
    ) -> None:
        """Carry out like actions together; if the server refuses, one by one."""
        try:
            if actions[0].kind is ActionKind.MOVE:
                target = await self._scope.names.ensure(client, target)
            work = self._carry_out(client, mailbox, target, actions)
            await self._scope.sections.run(work)
        except ConnectionLost as error:
            # Whether it was done shows at the next attempt, which looks at the source first.
            await self._refused(actions, error)
            raise
        except (CommandRejected, LocalProtocolError) as error:
            # Nothing was sent, or it was refused; the connection is good for all other actions.
            # The target may have been deleted since it was last seen ([TRYCREATE]).
            self._scope.names.forget(target)
            if len(actions) == 1:
                await self._refused(actions, error)
                return
            for action in actions:
                await self._group(client, mailbox, target, [action])

    async def _carry_out(
        self, client: IMAPClient, mailbox: str, target: str, actions: Sequence[ActionRecord]
    ) -> None:
        async with self._scope.locations:
            await client.select(mailbox)
            tasks = await self._still_there(client, mailbox, actions)
            if not tasks:
                return
            if tasks[0].action.kind is ActionKind.MOVE:
                await self._move(client, tasks, target)
            else:
                await self._add_flags(client, tasks, target.split())

    async def _still_there(
        self,
        client: IMAPClient,
        mailbox: str,
        actions: Sequence[ActionRecord],
    ) -> list[_Task]:
        """The actions whose messages are in the source; the others are settled here."""
        _, uidvalidity = selected_mailbox(client)
        tasks = await self._tasks(actions)
        reset = [
            task
            for task in tasks
            if task.message.mailbox == mailbox
            and task.message.state is MessageState.PRESENT
            and task.message.uidvalidity not in (None, uidvalidity)
        ]
        if reset:
            # The mailbox's watcher has yet to find out what has become of its messages.
            await self._postpone([task.action for task in reset])
            tasks = [task for task in tasks if task not in reset]
        placed = [
            task
            for task in tasks
            if task.message.state is MessageState.PRESENT
            and task.message.mailbox == mailbox
            and task.message.uidvalidity == uidvalidity
            and task.message.uid is not None
        ]
        uids = message_set(client, UIDSet.of(task.uid for task in placed))
        there = await search_uids(client, f"UID {uids}") if placed else ()
        here = [task for task in placed if task.uid in there]
        rest = {task.action.id for task in tasks} - {task.action.id for task in here}
        absent = [task for task in tasks if task.action.id in rest]
        if absent:
            await self._settle_absent(client, absent)
            await client.select(mailbox)
        return here

    async def _tasks(self, actions: Sequence[ActionRecord]) -> list[_Task]:
        async with self._scope.storage.read() as uow:
            tasks = []
            for action in actions:
                current = await uow.actions.get(action.id)
                message = await uow.messages.get(action.message_id)
                if current is not None and current.status == action.status and message is not None:
                    tasks.append(_Task(current, message))
        return tasks

    async def _move(self, client: IMAPClient, tasks: Sequence[_Task], target: str) -> None:
        if "MOVE" not in client.capabilities:
            tasks = await self._finish(client, tasks)
        if not tasks:
            return
        await self._require_tenure()
        try:
            result = await client.move(_messages(tasks), target)
        except IMAPError as error:
            if isinstance(error.partial, MoveResult):
                await self._note_moved(tasks, error.partial, target)
            raise
        faults.reach("after-move")
        await self._note_moved(tasks, result, target)
        async with self._scope.storage.unit_of_work() as uow:
            for task in tasks:
                if task.uid in result.duplicated:
                    await self._again(uow, task.action, "it was copied; the server keeps it here")
                elif task.uid not in result.source:
                    await self._again(uow, task.action, "the server did not move it")
            await uow.commit()

    async def _note_moved(self, tasks: Sequence[_Task], result: MoveResult, target: str) -> None:
        """Write down what was moved, be it all or not."""
        moved = [task for task in tasks if task.uid in result.source]
        async with self._scope.storage.unit_of_work() as uow:
            mailbox = await uow.mailboxes.get_or_create(self._scope.account_id, target)
            for task in moved:
                await self._journal(uow, task, mailbox.id, _landing(result, task.uid, target))
            await uow.commit()
        _log.info(
            "messages_moved", account=self._scope.account, count=len(moved), to_mailbox=target
        )

    async def _finish(self, client: IMAPClient, tasks: Sequence[_Task]) -> Sequence[_Task]:
        """Remove what an interrupted move has copied already; the tasks that are left to do."""
        copies: dict[int, Place] = {}
        for task in tasks:
            copy = await self._find(client, task, taken=copies.values())
            if copy is not None:
                copies[task.uid] = copy
        await client.select(tasks[0].action.mailbox)
        copied = [task for task in tasks if task.uid in copies]
        if not copied:
            return tasks
        await self._require_tenure()
        removed = await client.run(messages.delete, _messages(copied))
        async with self._scope.storage.unit_of_work() as uow:
            for task in copied:
                place = copies[task.uid]
                if task.uid in removed:
                    mailbox = await uow.mailboxes.get_or_create(
                        self._scope.account_id, place.mailbox
                    )
                    await self._journal(uow, task, mailbox.id, place)
                else:
                    await self._again(uow, task.action, "it was copied; the server keeps it here")
            await uow.commit()
        return [task for task in tasks if task.uid not in copies]

    async def _journal(self, uow: UnitOfWork, task: _Task, mailbox_id: int, place: Place) -> None:
        """The message is at its new place, by us; unless a service that took over has said so."""
        message = task.message
        if not await uow.actions.done(
            task.action.id,
            at=datetime.now(UTC),
            uidvalidity=place.uidvalidity,
            uid=place.uid,
        ):
            return
        await uow.messages.relocate(
            message.id, mailbox_id=mailbox_id, uidvalidity=place.uidvalidity, uid=place.uid
        )
        if place.uid is not None and place.uidvalidity is not None:
            await uow.actions.follow(
                message.id, mailbox_id=mailbox_id, uidvalidity=place.uidvalidity, uid=place.uid
            )
        source = Place(message.mailbox, message.uidvalidity, message.uid)
        await announce_move(self._scope, uow, message.id, source, by="sage")

    async def _add_flags(
        self, client: IMAPClient, tasks: Sequence[_Task], flags: Sequence[str]
    ) -> None:
        flags = _lasting(client, flags)
        if flags:
            await self._require_tenure()
            await client.store(_messages(tasks), flags, mode="add")
        async with self._scope.storage.unit_of_work() as uow:
            for task in tasks:
                known = {flag.lower() for flag in task.message.flags}
                added = [flag for flag in flags if flag.lower() not in known]
                if added:
                    await uow.messages.set_flags(
                        task.message.id, sorted([*task.message.flags, *added])
                    )
                await uow.actions.done(task.action.id, at=datetime.now(UTC))
            await uow.commit()

    async def _settle_absent(self, client: IMAPClient, tasks: Sequence[_Task]) -> None:
        """Settle the actions whose messages are not in the source any more."""
        for task in tasks:
            copy = None
            if task.action.kind is ActionKind.MOVE and task.message.mailbox == task.action.mailbox:
                copy = await self._find(client, task)
            async with self._scope.storage.unit_of_work() as uow:
                if copy is not None:
                    mailbox = await uow.mailboxes.get_or_create(
                        self._scope.account_id, task.action.target
                    )
                    await self._journal(uow, task, mailbox.id, copy)
                else:
                    reason = "the message is not in the mailbox any more"
                    await uow.actions.void(task.action.id, reason, at=datetime.now(UTC))
                await uow.commit()

    async def _find(
        self, client: IMAPClient, task: _Task, *, taken: Collection[Place] = ()
    ) -> Place | None:
        """Where a message lies in the target that we moved before the journal knew of it.

        *taken* are places at which other messages have been found.
        """
        message, target = task.message, task.action.target
        try:
            await client.select(target, readonly=True)
        except MailboxNotFound:
            return None
        _, uidvalidity = selected_mailbox(client)
        copies = await find_copies(client, message.fingerprint, message.size, message.internal_date)
        async with self._scope.storage.read() as uow:
            mailbox = await uow.mailboxes.find(self._scope.account_id, target)
            known = (
                await uow.messages.find_many(mailbox.id, uidvalidity, [copy.uid for copy in copies])
                if mailbox is not None
                else {}
            )
        for copy in copies:
            row, place = known.get(copy.uid), Place(target, uidvalidity, copy.uid)
            if place in taken or (row is not None and row.state is MessageState.PRESENT):
                continue
            if await _is_the_same(client, copy, message):
                return place
        return None

    async def _require_tenure(self) -> None:
        """Raise `StorageUnavailable` if another service may have carried out what was read."""
        await self._scope.storage.tenure.require(self._tenure)

    async def _refused(self, actions: Sequence[ActionRecord], error: IMAPError) -> None:
        async with self._scope.storage.unit_of_work() as uow:
            for action in actions:
                await self._again(uow, action, str(error), final=_is_final(error))
            await uow.commit()

    async def _postpone(self, actions: Sequence[ActionRecord]) -> None:
        async with self._scope.storage.unit_of_work() as uow:
            for action in actions:
                await self._again(uow, action, "the UIDVALIDITY of the mailbox has changed")
            await uow.commit()

    async def _again(
        self, uow: UnitOfWork, action: ActionRecord, error: str, *, final: bool = False
    ) -> None:
        """Note a failure, and when to try again, if at all."""
        attempts = action.attempts + 1
        later = None
        if not final and attempts < _MOST_ATTEMPTS:
            later = datetime.now(UTC) + _FIRST_PAUSE * 4**action.attempts
        await uow.actions.failed(action.id, error, next_attempt_at=later)
        _log.warning(
            "action_failed",
            account=self._scope.account,
            kind=str(action.kind),
            message_id=action.message_id,
            to_mailbox=action.target if action.kind is ActionKind.MOVE else None,
            error=error,
            final=later is None,
        )


def _messages(tasks: Sequence[_Task]) -> MessageSet:
    """The messages of tasks of one mailbox, under the UIDVALIDITY that their UIDs belong to."""
    message = tasks[0].message
    uids = UIDSet.of(task.uid for task in tasks)
    return MessageSet(uids, message.mailbox, message.uidvalidity)


def _lasting(client: IMAPClient, flags: Sequence[str]) -> list[str]:
    """The flags without our keyword where the mailbox keeps none; the database knows without it."""
    selected, _ = selected_mailbox(client)
    permitted = is_permitted(PROCESSED, selected.permanent_flags)
    return [flag for flag in flags if flag != PROCESSED or permitted]


def _landing(result: MoveResult, uid: int, target: str) -> Place:
    new = result.mapping.get(uid)
    if new is None or result.uidvalidity is None:
        return Place(target, None, None)
    return Place(target, result.uidvalidity, new)


async def _is_the_same(client: IMAPClient, copy: Fetched, message: MessageRecord) -> bool:
    """True if the copy has the message's octets; its fingerprint may be equal by accident."""
    if not message.content_hash:
        return True
    found, _ = await fetch_messages(client, [Sized(copy.uid, copy.size)])
    return any(
        hashlib.sha256(item.raw).hexdigest() == message.content_hash
        for item in found
        if item.raw is not None
    )


def _is_final(error: IMAPError) -> bool:
    """True if trying again cannot help: the server cannot do that, or the account may not."""
    if isinstance(error, CapabilityMissing):
        return True
    # RFC 5530 section 3.
    return isinstance(error, CommandRejected) and error.code in ("NOPERM", "CANNOT")
