"""Near-duplicates: which messages are, but for a name or a number, the same.

MinHash (Broder 1997): of each of 64 random orders of all shingles the first that a message has. Two
messages agree in as large a share of these as their sets of shingles have in common. Messages are
compared only if they agree in a whole band of them (Leskovec et al., Mining of Massive Datasets,
section 3.4).
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Signature", "clustered", "digest", "signature"]

Signature: TypeAlias = NDArray[np.uint32]

_ORDERS: Final = 64
_ROWS: Final = 4
# From this share of shingles in common two messages are near-duplicates.
_ALIKE: Final = 0.6
# In a band that very many share, such as that of messages without text, a few comparisons suffice.
_COMPARISONS: Final = 8

_RANDOM: Final = np.random.default_rng(20_260_101)
_FACTORS: Final = _RANDOM.integers(1, 2**63, _ORDERS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SUMMANDS: Final = _RANDOM.integers(0, 2**63, _ORDERS, dtype=np.uint64)


def signature(shingles: Collection[str]) -> Signature:
    """The MinHash signature of the shingles; the same on every machine."""
    if not shingles:
        return np.zeros(_ORDERS, dtype=np.uint32)
    hashes = np.array([zlib.crc32(shingle.encode()) for shingle in shingles], dtype=np.uint64)
    # Multiply-shift hashing: products wrap at 64 bits, and the upper half is as good as random.
    mixed = (_FACTORS[:, None] * hashes[None, :] + _SUMMANDS[:, None]) >> np.uint64(32)
    first: Signature = mixed.min(axis=1).astype(np.uint32)
    return first


def digest(of: Signature) -> int:
    """64 bits that stand for the signature."""
    words = of.astype("<u4").tobytes()
    return zlib.crc32(words) << 32 | zlib.adler32(words)


def clustered(signatures: Sequence[Signature]) -> list[int]:
    """For each message the number of its cluster: the lowest position of a message in it."""
    parents = list(range(len(signatures)))

    def root(position: int) -> int:
        while parents[position] != position:
            parents[position] = parents[parents[position]]
            position = parents[position]
        return position

    for start in range(0, _ORDERS, _ROWS):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        for position, of in enumerate(signatures):
            bucket = buckets[of[start : start + _ROWS].tobytes()]
            for other in bucket[:_COMPARISONS]:
                one, two = sorted((root(position), root(other)))
                if one != two and float(np.mean(of == signatures[other])) >= _ALIKE:
                    parents[two] = one
            bucket.append(position)
    return [root(position) for position in range(len(parents))]
