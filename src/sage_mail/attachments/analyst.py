"""The analysis of attachments in children, whatever the attachments do to them."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from sage_mail.attachments.claims import outline
from sage_mail.attachments.facts import AttachmentFacts, Status
from sage_mail.attachments.request import Answer, Request
from sage_mail.confinement import Children, Failed, Failure, Finished, Limits

__all__ = ["LARGEST", "Analyst"]

#: Larger attachments are not parsed: providers' own limit for a mail is 25 MB to 50 MB.
LARGEST: Final = 32 * 1024 * 1024

_ENTRY: Final = "sage_mail.attachments.child"
_PROBLEMS: Final = {
    Failure.TIMED_OUT: (Status.TIMED_OUT, "it takes too long to be read"),
    Failure.OUT_OF_MEMORY: (Status.OUT_OF_MEMORY, "it takes too much memory to be read"),
    Failure.CRASHED: (Status.CRASHED, "reading it broke the reader"),
}


class Analyst:
    """Analyses attachments in up to *count* children within *limits*; end it by `close`.

    Attachments of more than *largest* octets are described by name and first octets alone.
    """

    def __init__(
        self, limits: Limits | None = None, *, count: int = 1, largest: int = LARGEST
    ) -> None:
        self._children = Children(_ENTRY, limits, count=count)
        self._largest = largest

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the children that are running."""
        return self._children.pids

    async def analyse(self, request: Request, data: bytes) -> Answer:
        """All that can be found out about the attachment; never raises because of it.

        Raises:
            ChildrenClosed: `close` came first.
        """
        if (early := self._without_reading(request, data)) is not None:
            return early
        return _answer(request, data, await self._children.run(_asked(request), data))

    def analyse_blocking(self, request: Request, data: bytes) -> Answer:
        """The same as `analyse` for those who have no event loop."""
        if (early := self._without_reading(request, data)) is not None:
            return early
        return _answer(request, data, self._children.run_blocking(_asked(request), data))

    def close(self) -> None:
        """End the children at once."""
        self._children.close()

    def _without_reading(self, request: Request, data: bytes) -> Answer | None:
        if not data:
            return Answer(facts=outline(request.filename, request.content_type, data))
        if len(data) > self._largest:
            problem = f"it is larger than {self._largest:,} octets"
            facts = outline(request.filename, request.content_type, data)
            told = {"status": Status.SKIPPED, "problem": problem}
            return Answer(facts=facts.model_copy(update=told))
        return None


def _asked(request: Request) -> bytes:
    # A lone surrogate in a name is no JSON in UTF-8.
    name = request.filename.encode("utf-8", "replace").decode()
    return request.model_copy(update={"filename": name}).model_dump_json().encode()


def _answer(request: Request, data: bytes, outcome: Finished | Failed) -> Answer:
    took = {"seconds": round(outcome.seconds, 3)}
    if isinstance(outcome, Finished):
        try:
            answer = Answer.model_validate_json(outcome.answer)
        except ValidationError:
            outcome = Failed(Failure.CRASHED)
        else:
            return answer.model_copy(update={"facts": answer.facts.model_copy(update=took)})
    status, problem = _PROBLEMS[outcome.failure]
    facts = _so_far(outcome) or outline(request.filename, request.content_type, data)
    told = {"status": status, "problem": problem, **took}
    return Answer(facts=facts.model_copy(update=told))


def _so_far(outcome: Failed) -> AttachmentFacts | None:
    """What the child had found when it ended, if it had said anything."""
    if not outcome.so_far:
        return None
    try:
        return Answer.model_validate_json(outcome.so_far).facts
    except ValidationError:
        return None
