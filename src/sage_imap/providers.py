"""What is known about servers and cannot be asked of them.

A fact stands here only where the library acts upon it and where a server's own announcements do
not tell it; its source stands beside it. What a server is unknown to differ in is left at the
default, so that a provider without facts of its own is only a name, for whoever reads a report.

There is no fact about capabilities that change at sign-in: they are forgotten then and learnt
anew from every server (RFC 9051 section 6.2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["PROVIDERS", "UNKNOWN", "Provider", "detect"]

_LONGEST_LOOKED_AT: Final = 1024  # octets of a greeting; what names a server stands at its head


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """By what a provider is recognised; all in lower case, but capabilities in upper."""

    hosts: tuple[str, ...] = ()
    """Domains of its own; hosts below them are meant as well."""

    greeting: tuple[str, ...] = ()
    """Words of the greeting."""

    capabilities: tuple[str, ...] = ()
    """Capabilities that nobody else offers."""

    id: tuple[str, ...] = ()
    """Words of the name or vendor that it gives by ID (RFC 2971)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Facts about one server software or mail provider."""

    name: str

    command_length: int = 7000
    """Octets of the longest command line that is sent; sets of UIDs are split to fit. RFC 7162
    section 4 asks servers for 8,192, of which a part is left to those that count differently."""

    idle_renewal: float = 540.0
    """Seconds after which IDLE is begun anew; below the ten minutes after which common NATs forget
    a connection."""

    connections: int | None = None
    """How many connections one account may hold at once; None where no bound is known. The library
    opens one; who opens more has to stay below it, with the user's other programs."""

    needs_id: bool = False
    """Whether a mailbox is only opened to clients that have said who they are (ID, RFC 2971)."""

    enabled_unreported: bool = False
    """Whether ENABLE is answered by OK alone, without the ENABLED that RFC 5161 asks for."""


UNKNOWN: Final = Provider(name="unknown")

_KNOWN: Final[tuple[tuple[Provider, _Marks], ...]] = (
    (
        Provider(
            name="Gmail",
            # MailKit, ImapEngine.CreateCommands: "at least 16k".
            command_length=16_384,
            # github.com/zone-eu/wildduck/issues/35: NO [ALERT] Too many simultaneous connections.
            connections=15,
        ),
        _Marks(
            hosts=("gmail.com", "googlemail.com"), greeting=("gimap",), capabilities=("X-GM-EXT-1",)
        ),
    ),
    (
        Provider(
            # Refuses commands of 40,000 octets, as Exchange does (github.com/nextcloud/mail/issues/
            # 6038), but documents no bound.
            name="Microsoft 365",
        ),
        _Marks(hosts=("office365.com", "outlook.com", "office.com", "hotmail.com")),
    ),
    (
        Provider(
            name="iCloud",
            # github.com/jstedfast/MailKit/issues/1871, github.com/nextcloud/mail/issues/3401.
            enabled_unreported=True,
        ),
        # The greeting ends in a host below me.com (the same issue of Nextcloud).
        _Marks(hosts=("mail.me.com", "icloud.com"), greeting=(".me.com",)),
    ),
    (
        Provider(
            name="Yahoo",
            # MailKit, ImapEngine.CreateCommands, after RFC 2683 section 3.2.1.5: 1,000.
            command_length=1000,
        ),
        # AOL belongs to it. github.com/MailCore/mailcore2/issues/1274 has greeting and capability.
        _Marks(
            hosts=("yahoo.com", "aol.com"),
            greeting=("imapgate",),
            capabilities=("XYMHIGHESTMODSEQ",),
        ),
    ),
    (
        Provider(
            name="Zoho",
            # github.com/maathimself/mailflow/releases/tag/v4.5.1: about three, the rest is closed.
            connections=3,
        ),
        # github.com/zetacomponents/Mail/issues/97: "IMAP4 Server (Zoho Mail IMAP4rev1 Server".
        _Marks(
            hosts=("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.com.cn", "zoho.jp"),
            greeting=("zoho mail",),
        ),
    ),
    (
        Provider(
            name="Yandex",
            # github.com/mjs/imapclient/issues/234: IDLE ended after six minutes, and after ten.
            idle_renewal=300.0,
        ),
        # github.com/Foundry376/Mailspring/issues/904: "Yandex IMAP4rev1 at imap53p.mail...".
        _Marks(hosts=("yandex.ru", "yandex.com", "yandex.net"), greeting=("yandex imap4rev1",)),
    ),
    (
        Provider(
            name="NetEase",
            # github.com/pimalaya/himalaya/issues/651, github.com/mscdex/node-imap/issues/908:
            # NO SELECT (or EXAMINE) Unsafe Login, until ID was said.
            needs_id=True,
        ),
        _Marks(
            hosts=("163.com", "126.com", "yeah.net", "188.com", "netease.com"),
            greeting=("coremail",),
            capabilities=("X-CM-EXT-1",),
        ),
    ),
    (
        Provider(
            # github.com/MailCore/mailcore2/issues/1332: "QQMail IMAP4Server ready".
            name="Tencent QQ",
        ),
        _Marks(hosts=("qq.com", "foxmail.com"), greeting=("qqmail",)),
    ),
    (
        Provider(
            # Its greeting names nobody (github.com/chatmail/core/issues/1868: "IMAP4 ready").
            name="mail.ru",
        ),
        _Marks(hosts=("mail.ru",)),
    ),
    (
        Provider(
            name="GMX and WEB.DE",
        ),
        _Marks(hosts=("gmx.net", "gmx.com", "gmx.de", "gmx.at", "gmx.ch", "web.de")),
    ),
    (
        Provider(
            name="Fastmail",
        ),
        _Marks(hosts=("fastmail.com", "messagingengine.com")),
    ),
    (
        Provider(
            name="Proton Mail Bridge",
        ),
        # It runs on the user's own machine; its server is Gluon (github.com/ProtonMail/gluon).
        _Marks(greeting=("proton", "gluon"), id=("proton", "gluon")),
    ),
    (
        Provider(
            # github.com/umanamente/n8n-nodes-imap/issues/141: ID "RZimapd" of "Strato GmbH".
            name="Strato",
        ),
        _Marks(hosts=("strato.de", "strato.com"), id=("rzimapd", "strato")),
    ),
    (
        Provider(
            name="Dovecot",
            # imap_max_line_length = 64k and mail_max_userip_connections = 10 are the defaults
            # (opensource.apple.com, dovecot-239.8, conf.d/20-imap.conf).
            command_length=65_536,
            connections=10,
        ),
        _Marks(greeting=("dovecot",), id=("dovecot",)),
    ),
    (
        Provider(
            name="Cyrus",
        ),
        _Marks(greeting=("cyrus imap",), id=("cyrus imap",)),
    ),
    (
        Provider(
            name="Courier",
            # MailKit, ImapEngine.CreateCommands: each word may have 16k.
            command_length=16_384,
        ),
        _Marks(greeting=("courier-imap",), id=("courier",)),
    ),
    (
        Provider(
            name="Exchange",
            # technet.microsoft.com/library/bb123712(v=exchg.150): a command has 10,240 octets, a
            # user 16 connections, unless the administrator says otherwise.
            command_length=10_240,
            connections=16,
        ),
        _Marks(greeting=("microsoft exchange",)),
    ),
    (
        Provider(
            name="Domino",
        ),
        # github.com/jstedfast/MailKit/issues/943: "Domino IMAP4 Server Release 10.0.1FP3 ready".
        _Marks(greeting=("domino imap4",), id=("domino",)),
    ),
)

PROVIDERS: Final = tuple(provider for provider, _ in _KNOWN)
"""All that are known."""


def detect(
    greeting_text: str,
    capabilities: Collection[str] = (),
    id_fields: Mapping[str, str | None] | None = None,
    host: str = "",
) -> Provider:
    """The provider behind a connection; `UNKNOWN` where nothing gives it away.

    The host counts most, since a provider may run a well-known software with limits of its own,
    then capabilities, what the server says of itself by ID (keys in lower case), and its greeting.
    """
    names = frozenset(capability.upper() for capability in capabilities)
    fields = id_fields or {}
    said = " ".join(fields.get(key) or "" for key in ("name", "vendor")).lower()
    greeting = greeting_text[:_LONGEST_LOOKED_AT].lower()
    host = host.rstrip(".").lower()
    ways: tuple[Callable[[_Marks], bool], ...] = (
        lambda marks: any(host == own or host.endswith(f".{own}") for own in marks.hosts),
        lambda marks: not names.isdisjoint(marks.capabilities),
        lambda marks: any(word in said for word in marks.id),
        lambda marks: any(word in greeting for word in marks.greeting),
    )
    for recognises in ways:
        for provider, marks in _KNOWN:
            if recognises(marks):
                return provider
    return UNKNOWN
