"""Messages in whose fetch the connection breaks, found out and set aside in the end.

Without this, one message whose answer the server garbles would be asked for again at every
reconnect, for ever, and everything behind it would wait. Kept in memory: a restart may try again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sage_mail.ingest.planning import Sized, batches

__all__ = ["Stumbles"]

# A message is set aside at this weight: a second answer that is no IMAP proves enough, but a
# connection may well be lost six times in a row for reasons of its own. The pauses between
# reconnects make that a minute at least.
_LIMIT = 6
GARBLED = 3
LOST = 1
# How many messages are fetched one by one to find the bad one: a portion's worth.
_ALONE = 50


class Stumbles:
    """What has broken the connection so far, in one mailbox."""

    def __init__(self) -> None:
        self._weights: dict[int, int] = {}

    def portions(self, messages: Sequence[Sized]) -> list[list[Sized]]:
        """The messages in portions; one by one at first, if there is a bad one to be found."""
        if not self._weights:
            return list(batches(messages))
        return [[message] for message in messages[:_ALONE]] + list(batches(messages[_ALONE:]))

    def broke(self, portion: Sequence[Sized], weight: int) -> None:
        """The connection broke while this portion was fetched.

        Its first message is taken for the culprit. That is right where it was alone, and wrong
        without harm where it was not, for it will be alone the next time.
        """
        uid = portion[0].uid
        heavier = self._weights.get(uid, 0) + weight
        # Only a message that was alone is ever proved guilty.
        self._weights[uid] = heavier if len(portion) == 1 else min(heavier, _LIMIT - 1)

    def passed(self, portion: Sequence[Sized]) -> None:
        """The portion has been fetched."""
        for message in portion:
            self._weights.pop(message.uid, None)

    def is_set_aside(self, uid: int) -> bool:
        """True if the message is not to be fetched any more."""
        return self._weights.get(uid, 0) >= _LIMIT
