"""Near-duplicates are found, and others are left apart."""

from __future__ import annotations

from itertools import pairwise

from sage_mail.classification.clusters import clustered, digest, signature
from tests.sage_mail.classification.samples import SPAMMY, text


def _pairs(of: str) -> frozenset[str]:
    return frozenset(f"{one} {two}" for one, two in pairwise(of.split()))


def test_copies_with_another_name_are_one_cluster() -> None:
    """The same text with a word changed belongs together, other texts do not."""
    first, other = text(SPAMMY["spam"], 1, 120), text(SPAMMY["spam"], 2, 120)
    texts = [first, other, f"Dear Kim {first}", f"{first} reference abc", f"{other} bye"]
    assert clustered([signature(_pairs(one)) for one in texts]) == [0, 1, 0, 0, 1]


def test_different_texts_of_one_kind_stay_apart() -> None:
    """Two hundred texts of the same few words are two hundred clusters."""
    signatures = [signature(_pairs(text(SPAMMY["ham"], number, 60))) for number in range(200)]
    assert clustered(signatures) == list(range(200))


def test_messages_without_text_are_one_cluster() -> None:
    """What has no shingles cannot be told apart."""
    assert clustered([signature(()), signature(())]) == [0, 0]
    assert clustered([]) == []


def test_a_digest_is_the_same_everywhere() -> None:
    """It does not depend on the order of the shingles, nor on the process."""
    one = digest(signature(["b c", "a b"]))
    assert one == digest(signature({"a b", "b c"}))
    assert one != digest(signature({"a b", "b d"}))
    assert 0 <= one < 2**64
