"""Orders, invoices and deliveries that a mail tells machines, by schema.org (JSON-LD, microdata).

Vocabulary: https://schema.org/Order, /Invoice, /ParcelDelivery and the reservations. What stands
there is not always what people see, so it counts a little less than certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sage_mail.pipeline.extraction.facts import (
    MOST_FACTS,
    DateFact,
    Item,
    ItemFact,
    Money,
    MoneyFact,
    Part,
    TextFact,
    Tracking,
    TrackingFact,
)
from sage_mail.pipeline.extraction.money import parse_price

__all__ = ["Structured", "read_structured"]

_CONFIDENCE: Final = 0.95
_TEXT_LIMIT: Final = 200
_MOST_NODES: Final = 200
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_TRACKING: Final = re.compile(r"(?=[^\d]{0,20}\d)[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){2,39}")
# What is longer was not meant to be counted or paid.
_MOST_DIGITS: Final = 15


@dataclass(slots=True)
class Structured:
    """What the objects say, as facts."""

    orders: list[TextFact] = field(default_factory=list)
    invoices: list[TextFact] = field(default_factory=list)
    tracking: list[TrackingFact] = field(default_factory=list)
    totals: list[MoneyFact] = field(default_factory=list)
    items: list[ItemFact] = field(default_factory=list)
    ordered: list[DateFact] = field(default_factory=list)
    due: list[DateFact] = field(default_factory=list)
    delivered: list[DateFact] = field(default_factory=list)


def read_structured(objects: Iterable[dict[str, Any]]) -> Structured:
    """The facts of the objects; what they do not know is passed over."""
    found = Structured()
    for node in _nodes(objects):
        type_ = _type(node)
        if type_ == "Order":
            _order(node, found)
        elif type_ == "Invoice":
            _invoice(node, found)
        elif type_ == "ParcelDelivery":
            _delivery(node, found)
        elif type_.endswith("Reservation"):
            _reservation(node, found)
    return found


def _nodes(objects: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The objects and those that they hold as parts, without recursion, a bounded number."""
    pending = list(objects)[:_MOST_NODES]
    seen = 0
    while pending and seen < _MOST_NODES:
        node = pending.pop(0)
        seen += 1
        yield node
        for key in ("orderDelivery", "partOfOrder", "referencesOrder", "mainEntity", "about"):
            pending.extend(child for child in _list(node.get(key)) if isinstance(child, dict))


def _order(node: dict[str, Any], found: Structured) -> None:
    _number(node, ("orderNumber", "confirmationNumber"), found.orders)
    _date(node, ("orderDate",), found.ordered)
    _date(node, ("paymentDueDate", "paymentDue"), found.due)
    _money(node, ("price", "totalPrice", "totalPaymentDue"), found.totals)
    _items(_list(node.get("acceptedOffer")) + _list(node.get("orderedItem")), found)


def _invoice(node: dict[str, Any], found: Structured) -> None:
    _number(node, ("confirmationNumber", "identifier", "accountId"), found.invoices)
    _date(node, ("paymentDueDate", "paymentDue"), found.due)
    _money(node, ("totalPaymentDue", "price"), found.totals)


def _delivery(node: dict[str, Any], found: Structured) -> None:
    number = _text(node.get("trackingNumber"))
    carrier = _text(_first(node, ("carrier", "provider")))
    if _TRACKING.fullmatch(number):
        tracking = Tracking(number=number, carrier=carrier.lower() or None, checked=False)
        found.tracking.append(_fact(TrackingFact, tracking, number))
    _date(node, ("expectedArrivalUntil", "expectedArrivalFrom"), found.delivered)
    _items(_list(node.get("itemShipped")), found)


def _reservation(node: dict[str, Any], found: Structured) -> None:
    _number(node, ("reservationNumber", "reservationId"), found.orders)
    _money(node, ("totalPrice", "price"), found.totals)


def _items(nodes: list[Any], found: Structured) -> None:
    for node in nodes[: MOST_FACTS - len(found.items)]:
        if isinstance(node, dict):
            found.items.extend(_lines(node))


def _lines(node: dict[str, Any]) -> Iterator[ItemFact]:
    """The lines of one offer: what it offers, without a price of its own where that is several."""
    offered = [each for each in _list(_first(node, ("itemOffered", "orderedItem"))) if each]
    quantity = _first(node, ("eligibleQuantity", "orderQuantity"))
    count = quantity.get("value") if isinstance(quantity, dict) else quantity
    price = _price(node) if len(offered) <= 1 else None
    for each in offered[:MOST_FACTS] or [node]:
        name = _text(each) or _text(node.get("name"))
        if name:
            item = Item(name=name, quantity=_decimal(count), unit_price=price, amount=None)
            yield _fact(ItemFact, item, name)


def _number(node: dict[str, Any], keys: tuple[str, ...], into: list[TextFact]) -> None:
    number = _text(_first(node, keys))
    if number:
        into.append(_fact(TextFact, number, number))


def _date(node: dict[str, Any], keys: tuple[str, ...], into: list[DateFact]) -> None:
    text = _text(_first(node, keys))
    day = _DAY.match(text)
    if day is None:
        return
    try:
        into.append(_fact(DateFact, date(int(day[1]), int(day[2]), int(day[3])), text))
    except ValueError:
        return


def _money(node: dict[str, Any], keys: tuple[str, ...], into: list[MoneyFact]) -> None:
    for key in keys:
        money = _price(node, key)
        if money is not None:
            into.append(_fact(MoneyFact, money, str(money.amount)))
            return


def _price(node: dict[str, Any], key: str = "price") -> Money | None:
    value = node.get(key)
    holder = value if isinstance(value, dict) else _first(node, ("priceSpecification",))
    if isinstance(holder, dict):
        value = _first(holder, ("price", "value"))
        node = {**node, **holder}
    amount = _decimal(value)
    code = _text(_first(node, ("priceCurrency", "currency")))
    if amount is None:
        return None
    return Money(amount=amount, currency=code if _CURRENCY.fullmatch(code) else None)


def _decimal(value: object) -> Decimal | None:
    """The number that a value of JSON or an attribute is; None where it is none, or beyond use."""
    if isinstance(value, str):
        return parse_price(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if abs(number.adjusted()) < _MOST_DIGITS else None


def _type(node: dict[str, Any]) -> str:
    return re.split("[/#:]", _text(node.get("@type")).rstrip("/"))[-1]


def _first(node: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((node[key] for key in keys if node.get(key) not in (None, "")), None)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    """A text, the first of several, or the name of an object."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("name")
    return str(value).strip()[:_TEXT_LIMIT] if isinstance(value, str | int | Decimal) else ""


def _fact(kind: Any, value: object, text: str) -> Any:
    return kind(value=value, confidence=_CONFIDENCE, part=Part.HTML, text=text)
