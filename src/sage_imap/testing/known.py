"""Words of the protocol, of MIME and of servers that say nothing about whoever uses them.

A redacted transcript keeps these, and numbers and dates where the protocol has them; whatever is
not listed is masked. So a word that is missing here costs a maintainer a guess, never a user a
secret.
"""

from __future__ import annotations

import mimetypes
import re
from typing import Final

__all__ = [
    "ATTRIBUTES",
    "CHARSET",
    "CODES",
    "FETCH_ITEMS",
    "ID_FIELDS",
    "KEYWORDS",
    "MIME_WORDS",
    "RESULT_WORDS",
    "STATUS_ITEMS",
    "TEXT_WORDS",
]


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.encode("ascii").split())


# In upper case

FETCH_ITEMS: Final = _words(
    "BINARY BINARY.SIZE BODY BODYSTRUCTURE EMAILID ENVELOPE FLAGS INTERNALDATE MODSEQ PREVIEW "
    "RFC822 RFC822.HEADER RFC822.SIZE RFC822.TEXT SAVEDATE THREADID UID X-GM-LABELS X-GM-MSGID "
    "X-GM-THRID"
)
STATUS_ITEMS: Final = _words(
    "APPENDLIMIT DELETED DELETED-STORAGE HIGHESTMODSEQ MAILBOXID MESSAGES RECENT SIZE UIDNEXT "
    "UIDVALIDITY UNSEEN"
)
RESULT_WORDS: Final = _words("ALL COUNT EARLIER MAX MIN MODSEQ NIL PARTIAL TAG UID")
CODES: Final = _words(
    "ALERT ALREADYEXISTS APPENDUID AUTHENTICATIONFAILED AUTHORIZATIONFAILED BADCHARSET "
    "BADCOMPARATOR BADEVENT BADURL CANNOT CAPABILITY CLIENTBUG CLOSED COMPRESSIONACTIVE "
    "CONTACTADMIN COPYUID CORRUPTION EXPIRED EXPUNGEISSUED HASCHILDREN HIGHESTMODSEQ INUSE LIMIT "
    "MAILBOXID METADATA MODIFIED NOMODSEQ NONEXISTENT NOPERM NOTIFICATIONOVERFLOW NOTSAVED "
    "OVERQUOTA PARSE PERMANENTFLAGS PRIVACYREQUIRED READ-ONLY READ-WRITE REFERRAL SERVERBUG "
    "THROTTLED TOOBIG TRYCREATE UIDNEXT UIDNOTSTICKY UIDVALIDITY UNAVAILABLE UNKNOWN-CTE UNSEEN "
    "USEATTR WEBALERT"
)

# In lower case

ATTRIBUTES: Final = _words(
    r"\all \allmail \archive \drafts \flagged \haschildren \hasnochildren \important \inbox \junk "
    r"\marked \memos \noinferiors \nonexistent \noselect \remote \scheduled \sent \snoozed \spam "
    r"\starred \subscribed \templates \trash \unmarked"
)
KEYWORDS: Final = _words(
    r"\answered \deleted \draft \flagged \recent \seen \* $forwarded $hasattachment "
    r"$hasnoattachment $important $istrusted $junk $label1 $label2 $label3 $label4 $label5 "
    r"$mdnsent $muted $notjunk $phishing $submitpending $submitted forwarded junk nonjunk notjunk"
)
ID_FIELDS: Final = _words(
    "address arguments command date environment name os os-version support-email support-url "
    "vendor version"
)
TEXT_WORDS: Final = _words(
    """
    a aborted accepted access account active again all already allowed an and any append are as at
    authenticate authenticated authentication authorized available awaiting back bad be been begin
    bye can cannot capability charset check cleared client close closed closing command completed
    completion compress condstore connection connections copied copy created credentials current
    currently data database deflate deleted denied disabled disconnected disconnecting does done
    down empty enable enabled end error examine examined exceeded exist existing exists expected
    expired expunge expunged failed failure fetch fetched first flags folder folders for found from
    full getquota goodbye has have hello highest id idle idling imap imap4 imap4rev1 imap4rev2 in
    inbox internal invalid is it kept keywords last later limit limited list listed logged logging
    login logout lost lsub mail mailbox mailboxes many maximum message messages missing mode moment
    move moved must namespace new next nil no noop not nothing now of ok on only open or other out
    over password permanent permanentflags permission permitted please predicted protocol quota
    read read-only read-write reached ready received recent rejected renamed requests response
    retry returned search secs sec seconds seen select selected sending server service session set
    shutting signed size some sort start started starttls state status still store subscribe
    subscribed success successful successfully supported syntax system taken temporarily temporary
    terminated terminating thats the there this thread timed timeout tls to too try uid uids uidnext
    uidvalidity unable unavailable unexpected unknown unrecognised unrecognized unseen unselect
    unselected update use used user valid wait waiting was welcome while will with within wrong you
    your

    apache axigen bridge communigate coremail courier-imap cyrus davmail debian domino dovecot
    exchange fastmail gimap gluon greenmail groupwise hmailserver icewarp james kerio lotus mdaemon
    microsoft openwave oracle panda proton protonmail qqmail rzimapd scalix smartermail stalwart
    strato ubuntu yandex zimbra zoho
    """
)

CHARSET: Final = re.compile(
    rb"us-ascii|ascii|utf-?(?:7|8|16|32)(?:le|be)?|iso-?8859-?\d{1,2}(?:-[ei])?|windows-\d{3,4}"
    rb"|cp-?\d{3,5}|koi8-[rtu]|macintosh|gb2312|gbk|gb18030|hz-gb-2312|big5(?:-hkscs)?"
    rb"|euc-(?:jp|kr|tw|cn)|shift_?jis|iso-2022-(?:jp|kr|cn)(?:-\d)?|ks_c_5601-1987|tis-620",
    re.IGNORECASE,
)

_PARAMETERS: Final = (
    "access-type boundary charset creation-date delsp filename format method micalg "
    "modification-date name profile protocol read-date report-type size start start-info type url "
    "x-mac-creator x-mac-type x-unix-mode"
)
_MIME: Final = (
    "7bit 8bit base64 binary quoted-printable uuencode x-uuencode attachment inline form-data "
    "text plain html enriched calendar multipart mixed alternative related signed encrypted "
    "report digest parallel form-data appledouble byteranges message rfc822 global partial "
    "external-body delivery-status disposition-notification feedback-report rfc822-headers "
    "application octet-stream pgp-signature pgp-encrypted pgp-keys pkcs7-mime pkcs7-signature "
    "x-pkcs7-mime x-pkcs7-signature ms-tnef image audio video font model flowed fixed yes no "
    "pgp-sha1 pgp-sha256 pgp-sha384 pgp-sha512 md5 sha1 sha-1 sha256 sha-256 sha-384 sha-512"
)


def _mime_words() -> frozenset[bytes]:
    words = set(_words(_MIME))
    for name in _PARAMETERS.split():
        # RFC 2231: a name may carry the number of a section, and an asterisk where it is encoded.
        words |= {name.encode(), f"{name}*".encode()}
        words |= {f"{name}*{n}{end}".encode() for n in range(10) for end in ("", "*")}
    for known in mimetypes.MimeTypes().types_map[True].values():
        words |= {known.encode("ascii"), *known.encode("ascii").split(b"/")}
    return frozenset(words)


MIME_WORDS: Final = _mime_words()
"""Media types and their halves, encodings, dispositions, names of parameters."""
