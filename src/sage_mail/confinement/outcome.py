"""What comes of a task that was given to a child."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Failed", "Failure", "Finished"]


class Failure(StrEnum):
    """Why a task has no result."""

    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Finished:
    """The octets that the child answered with; they are as trustworthy as its input.

    ``seconds`` is how long the child took, without the time until one was free.
    """

    answer: bytes
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The task cost its child; ``detail`` is for developers and holds nothing of the input.

    ``so_far`` is the last that the child said before, empty if it said nothing.
    """

    failure: Failure
    detail: str = ""
    so_far: bytes = b""
    seconds: float = field(default=0.0, compare=False)
