"""Orders, invoices and deliveries that a mail tells machines, by schema.org (JSON-LD, microdata).

Vocabulary: https://schema.org/Order, /Invoice, /ParcelDelivery and the reservations. What stands
there is not always what people see, so it counts a little less than certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sage_mail.pipeline.extraction.facts import (
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

__all__ = ["Structured", "read_structured"]

_CONFIDENCE: Final = 0.95
_TEXT_LIMIT: Final = 200
_MOST_NODES: Final = 200
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


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
    for offer in _list(node.get("acceptedOffer")) + _list(node.get("orderedItem")):
        if isinstance(offer, dict):
            _item(offer, found)


def _invoice(node: dict[str, Any], found: Structured) -> None:
    _number(node, ("confirmationNumber", "identifier", "accountId"), found.invoices)
    _date(node, ("paymentDueDate", "paymentDue"), found.due)
    _money(node, ("totalPaymentDue", "price"), found.totals)


def _delivery(node: dict[str, Any], found: Structured) -> None:
    number = _text(node.get("trackingNumber"))
    carrier = _text(_first(node, ("carrier", "provider")))
    if number:
        tracking = Tracking(number=number, carrier=carrier.lower() or None, checked=False)
        found.tracking.append(_fact(TrackingFact, tracking, number))
    _date(node, ("expectedArrivalUntil", "expectedArrivalFrom"), found.delivered)
    for item in _list(node.get("itemShipped")):
        if isinstance(item, dict):
            _item(item, found)


def _reservation(node: dict[str, Any], found: Structured) -> None:
    _number(node, ("reservationNumber", "reservationId"), found.orders)
    _money(node, ("totalPrice", "price"), found.totals)


def _item(node: dict[str, Any], found: Structured) -> None:
    offered = _first(node, ("itemOffered", "orderedItem"))
    named = offered if isinstance(offered, dict) else node
    name = _text(named.get("name")) or _text(node.get("name"))
    if not name:
        return
    quantity = _first(node, ("eligibleQuantity", "orderQuantity"))
    count = quantity.get("value") if isinstance(quantity, dict) else quantity
    item = Item(name=name, quantity=_decimal(count), unit_price=_price(node), amount=None)
    found.items.append(_fact(ItemFact, item, name))


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
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(re.sub(r"[^\d.-]", "", str(value)[:40]))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _type(node: dict[str, Any]) -> str:
    return _text(node.get("@type")).rpartition("/")[2]


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
