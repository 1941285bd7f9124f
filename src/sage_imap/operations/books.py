"""What was done so far, so that an error can say it: each portion is entered once it is known.

Laws of this module:

- A message is entered as done only where the server said so, or where a look has shown it.
- Between a command that must not be repeated blindly and its answer, its messages are in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sage_imap.errors import IMAPError
from sage_imap.models.results import MoveResult
from sage_imap.protocol.sets import Range, UIDSet

__all__ = ["TransferBooks", "telling"]


@contextmanager
def telling(done: Callable[[], object]) -> Iterator[None]:
    """Whatever error ends the block has as its ``partial`` what *done* gives then.

    It is None where that is nothing at all.
    """
    try:
        yield
    except IMAPError as error:
        said = done()
        error.partial = None if said is None or said == type(said)() else said
        raise


class TransferBooks:
    """What is known at each moment of messages that are copied or moved.

    The sets of many portions are put together at the end: one by one that would be quadratic.
    """

    def __init__(self) -> None:
        self._done: list[Range] = []
        self._mapping: dict[int, int] = {}
        self._uidvalidity: int | None = None
        self._duplicated = UIDSet()
        self._in_doubt = UIDSet()

    @property
    def result(self) -> MoveResult:
        """What was done by now."""
        return MoveResult(
            UIDSet(self._done),
            dict(self._mapping),
            self._uidvalidity,
            duplicated=self._duplicated,
            in_doubt=self._in_doubt,
        )

    def sent(self, uids: UIDSet) -> None:
        """The command about *uids* is on its way: until it is answered they are in doubt."""
        self._in_doubt |= uids

    def refused(self, uids: UIDSet) -> None:
        """The server has done nothing to *uids*."""
        self._in_doubt -= uids

    def settled(self, uids: UIDSet, done: MoveResult) -> None:
        """Of *uids*, what *done* says was done, and nothing else."""
        self.refused(uids)
        self._done += done.source.ranges
        self._mapping.update(done.mapping)
        self._uidvalidity = self._uidvalidity or done.uidvalidity
        self._duplicated |= done.duplicated
        self._in_doubt |= done.in_doubt

    def removed(self, uids: UIDSet) -> None:
        """*uids*, which were copied, are not at their old place any more: they have moved."""
        self._done += uids.ranges
        self._duplicated -= uids
