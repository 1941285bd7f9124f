"""What can be found in a message: facts, each with its value, its place and how sure it is.

All of it is frozen and goes to JSON by ``model_dump(mode="json")``: amounts become texts (never
binary fractions), instants ISO 8601. Lists are bounded (`MOST_FACTS`), and so are texts.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

__all__ = [
    "MOST_FACTS",
    "Analysis",
    "Customer",
    "CustomerFact",
    "DateFact",
    "Deadline",
    "DeadlineFact",
    "Entities",
    "Fact",
    "Facts",
    "Item",
    "ItemFact",
    "Link",
    "LinkFact",
    "LinkFinding",
    "Money",
    "MoneyFact",
    "OrderFacts",
    "Part",
    "Person",
    "PersonFact",
    "Sentiment",
    "SentimentFact",
    "SpamFacts",
    "SupportFacts",
    "TextFact",
    "Tracking",
    "TrackingFact",
    "Urgency",
    "UrgencyFact",
    "UrgentFacts",
]

#: No list of facts is longer; what a sender repeats more often tells nothing new.
MOST_FACTS: Final = 20

T = TypeVar("T")


class Part(StrEnum):
    """Where in a message a fact was found."""

    SUBJECT = "subject"
    PLAIN = "plain"
    HTML = "html"
    ATTACHMENT = "attachment"
    HEADERS = "headers"


class Urgency(StrEnum):
    """How pressing a request is by its own words; the guide's four levels."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class LinkFinding(StrEnum):
    """Why a link is suspicious."""

    MISMATCH = "mismatch"
    HOMOGRAPH = "homograph"
    IP_HOST = "ip_host"
    SHORTENER = "shortener"
    CREDENTIALS = "credentials"
    SCRIPT = "script"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(_Model, Generic[T]):
    """One fact: ``value``, how likely it is right (0 to 1), and the place that says so.

    ``text`` is what is written there, at most 200 characters of it. ``start`` and ``end`` count
    characters in the text of the ``part``: the subject, the plain body, or the visible text of the
    HTML body; they are None where a fact comes from headers, markup or several places at once.
    """

    value: T
    confidence: float
    part: Part
    text: str
    start: int | None = None
    end: int | None = None


class Facts(_Model):
    """What one extraction found; the base of all results of stages."""


class Money(_Model):
    """An amount, with the ISO 4217 code of its currency where one is named."""

    amount: Decimal
    currency: str | None = None


class Person(_Model):
    """Somebody by name, with the address where it is known."""

    name: str
    email: str | None = None


class Customer(_Model):
    """Who asks for support."""

    name: str
    email: str


class Deadline(_Model):
    """By when something is due, in the zone of the mail; ``all_day`` where no time was named."""

    at: datetime
    all_day: bool


class Tracking(_Model):
    """The number of a shipment; ``checked`` says that its check digit is right."""

    number: str
    carrier: str | None
    checked: bool


class Item(_Model):
    """A line of an order or invoice."""

    name: str
    quantity: Decimal | None = None
    unit_price: Money | None = None
    amount: Money | None = None


class Link(_Model):
    """A link that deserves distrust: where it leads, what it shows, and why."""

    url: str
    host: str
    shown: str | None
    findings: tuple[LinkFinding, ...]


class Sentiment(_Model):
    """The tone of a text: positive, neutral or negative, and the score from -1 to 1."""

    label: str
    score: float


# Made once: naming a generic model with its type again costs as much as making a fact.
TextFact = Fact[str]
MoneyFact = Fact[Money]
DateFact = Fact[date]
TrackingFact = Fact[Tracking]
ItemFact = Fact[Item]
DeadlineFact = Fact[Deadline]
UrgencyFact = Fact[Urgency]
CustomerFact = Fact[Customer]
LinkFact = Fact[Link]
SentimentFact = Fact[Sentiment]
PersonFact = Fact[Person]


class SupportFacts(Facts):
    """What a request for support says of itself."""

    ticket_ids: tuple[TextFact, ...] = ()
    urgency: UrgencyFact | None = None
    customer: CustomerFact | None = None
    issue_summary: TextFact | None = None


class OrderFacts(Facts):
    """What an order, invoice, receipt or shipping notice says."""

    order_numbers: tuple[TextFact, ...] = ()
    invoice_numbers: tuple[TextFact, ...] = ()
    transaction_numbers: tuple[TextFact, ...] = ()
    customer_numbers: tuple[TextFact, ...] = ()
    tracking_numbers: tuple[TrackingFact, ...] = ()
    amounts: tuple[MoneyFact, ...] = ()
    total: MoneyFact | None = None
    subtotal: MoneyFact | None = None
    tax: MoneyFact | None = None
    shipping: MoneyFact | None = None
    items: tuple[ItemFact, ...] = ()
    ordered: DateFact | None = None
    invoiced: DateFact | None = None
    due: DateFact | None = None
    delivered: DateFact | None = None


class UrgentFacts(Facts):
    """What is to be done, and by when."""

    deadlines: tuple[DeadlineFact, ...] = ()
    actions: tuple[TextFact, ...] = ()


class SpamFacts(Facts):
    """What speaks for spam or fraud: words, and links that are not what they seem."""

    indicators: tuple[TextFact, ...] = ()
    links: tuple[LinkFact, ...] = ()
    url_count: int = 0


class Entities(Facts):
    """Who and what is named. Of card numbers only the last four digits are kept."""

    people: tuple[PersonFact, ...] = ()
    organisations: tuple[TextFact, ...] = ()
    money: tuple[MoneyFact, ...] = ()
    dates: tuple[DateFact, ...] = ()
    phones: tuple[TextFact, ...] = ()
    emails: tuple[TextFact, ...] = ()
    addresses: tuple[TextFact, ...] = ()
    urls: tuple[TextFact, ...] = ()
    ibans: tuple[TextFact, ...] = ()
    vat_numbers: tuple[TextFact, ...] = ()
    cards: tuple[TextFact, ...] = ()


class Analysis(Facts):
    """The general analysis of a message."""

    language: TextFact | None = None
    sentiment: SentimentFact | None = None
    keywords: tuple[TextFact, ...] = ()
    entities: Entities = Entities()
