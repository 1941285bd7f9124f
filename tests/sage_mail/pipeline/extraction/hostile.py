"""Texts made to hurt: for a pattern, what nearly matches it, many times over."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

import sage_mail.pipeline.extraction as package

__all__ = ["ATOMS", "MARKUP", "near_matches", "patterns"]

#: What hostile bodies are made of, alone and in pairs.
ATOMS: Final = (
    "1", "a", "A", " ", "\n", "-", ".", ",", "@", "/", ":", "#", "<", ">", "(", "\u20ac",
    "1.", "1,", "12:", "by ", "total ", "order #", "Mr A", "x@", "http://", "www.", "AB12", "Inc ",
    "5 pm ", "31.12.", "tracking ", "\n> ", "Dear ", "-- \n", "deadline ", "please ", "2 x a\n",
    "USD ", "+4",
)  # fmt: skip
#: What hostile markup is made of: tags that nest, tables, data for machines.
MARKUP: Final = (
    "<div>", "<table>", "<table><tr><td>", "<td>", "<font>", "<b><p>", "<a>", "</p>", "<br>",
    "<div itemscope itemprop=a>", "<p itemprop=x>", "<a href=//a.b>www.c.d ", "<select><option>",
    "<svg><math>", "<template>", "<style>", "<!--", "<![CDATA[", "&amp;", "<div></p>",
    '<script type="application/ld+json">{}</script>',
    '<script type="application/ld+json">[' + '{"@type":"Order","orderDelivery":[{},{}]},' * 1_500,
    '<script type="application/ld+json">{"@type":"Order","acceptedOffer":['
    + '{"name":"a","price":1},' * 2_500 + "{}]}</script>",
    '<script type="application/ld+json">' + '{"a":' * 12_000 + "1" + "}" * 12_000 + "</script>",
)  # fmt: skip
_REPEATS: Final = 40


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Every pattern of the package's modules, by name."""
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                yield f"{info.name}.{name}", value


def near_matches(pattern: re.Pattern[str], length: int) -> Iterator[str]:
    """Texts that nearly match: a longest sample cut short, and repeated with something wrong."""
    for greedy in (True, False):
        sample = _sample(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE), greedy)
        for text in (sample, sample[:-1], sample + "\x00", sample[: len(sample) // 2], sample[1:]):
            if text:
                yield (text * (length // len(text) + 1))[:length]
    for pair in itertools.product(ATOMS[:16], repeat=2):
        text = "".join(pair)
        yield (text * (length // len(text) + 1))[:length]


def _sample(parsed: Any, greedy: bool) -> str:
    return "".join(_of(op, argument, greedy) for op, argument in parsed)


def _of(op: Any, argument: Any, greedy: bool) -> str:
    constants = _constants
    if op is constants.LITERAL:
        return chr(argument)
    if op in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
        low, high, inner = argument
        count = min(int(high), _REPEATS) if greedy else int(low)
        return _sample(inner, greedy) * count
    if op is constants.IN:
        return _member(argument)
    if op is constants.SUBPATTERN:
        return _sample(argument[-1], greedy)
    if op is constants.ATOMIC_GROUP:
        return _sample(argument, greedy)
    if op is constants.BRANCH:
        branches = [_sample(branch, greedy) for branch in argument[1]]
        return max(branches, key=len) if greedy else min(branches, key=len)
    return "a" if op in (constants.ANY, constants.NOT_LITERAL) else ""


def _member(members: Any) -> str:
    op, argument = members[0]
    if op is _constants.NEGATE:
        return "a"
    if op is _constants.RANGE:
        return chr(argument[1])
    if op is _constants.CATEGORY:
        return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " "}.get(str(argument), "a")
    return chr(argument)
