"""The analysis of one attachment by all that its octets show it to be; runs in a child."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Final

from sage_mail.attachments import archives, signatures
from sage_mail.attachments.claims import mismatches, outline
from sage_mail.attachments.facts import AttachmentFacts, DocumentFacts, Finding, Status
from sage_mail.attachments.markup import MARKUP, is_active
from sage_mail.attachments.problems import Unusable
from sage_mail.attachments.request import Answer, Drawn, Request
from sage_mail.pipeline.extraction.extractor import Extractor
from sage_mail.pipeline.extraction.facts import OrderFacts
from sage_mail.pipeline.extraction.source import Source
from sage_mail.pipeline.extraction.vocabulary import load_vocabulary

__all__ = ["Tell", "analyse", "load_words"]

#: Takes what is known already, in case that reading on ends the process.
Tell = Callable[[Answer], object]

_LONGEST_TEXT: Final = 32_768
_TEXTS: Final = frozenset({"text/plain"})
# The names of the streams in which OLE files keep programs and encrypted packages.
_OLE_MACROS: Final = tuple(
    name.encode("utf-16-le") for name in ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR")
)
_OLE_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


# What is judged anew when the list of a ZIP file tells its type.
_CLAIMED: Final = frozenset({Finding.TYPE_MISMATCH, Finding.EXTENSION_MISMATCH})


def _untold(_: Answer) -> None:
    """What nobody wants to know before the end."""


def analyse(request: Request, data: bytes, tell: Tell = _untold) -> Answer:
    """Everything that is known of the attachment."""
    facts = outline(request.filename, request.content_type, data)
    if facts.status is not Status.OK:
        return Answer(facts=facts)
    if Finding.HIDDEN_ARCHIVE in facts.findings:
        facts = _with_hidden_archive(data, facts)
        tell(Answer(facts=facts))
    try:
        return _deep(request, data, facts, tell)
    except Unusable as error:
        return Answer(
            facts=facts.model_copy(update={"status": error.status, "problem": error.problem})
        )


def load_words() -> None:
    """Load the word lists that the first text would wait for."""
    _extractor()


def _deep(request: Request, data: bytes, facts: AttachmentFacts, tell: Tell) -> Answer:
    detected = facts.detected_type
    if detected == "application/pdf":
        return Answer(facts=_document(request, data, facts, tell))
    if detected is not None and archives.is_listed(detected):
        return Answer(facts=_archive(request, data, detected, facts, tell))
    if detected in MARKUP:
        findings = {Finding.ACTIVE_CONTENT} if is_active(data) else set()
        return Answer(facts=facts.model_copy(update={"findings": _with(facts, findings)}))
    if detected == signatures.OLE:
        return Answer(facts=_office(data, facts))
    if detected in _TEXTS:
        order = _order(data[: 4 * _LONGEST_TEXT].decode("utf-8", "replace"), request.sent)
        return Answer(facts=facts.model_copy(update={"order": order}))
    return _image(request, data, facts, tell)


def _document(request: Request, data: bytes, facts: AttachmentFacts, tell: Tell) -> AttachmentFacts:
    # Imported when the first PDF comes, as the other parsers are: a child has what it needs.
    from sage_mail.attachments.documents import read_document

    def known(document: DocumentFacts, findings: set[Finding]) -> AttachmentFacts:
        found = {"document": document, "findings": _with(facts, findings)}
        return facts.model_copy(update=found)

    document, findings = read_document(data, lambda *found: tell(Answer(facts=known(*found))))
    read = known(document, findings)
    tell(Answer(facts=read))
    return read.model_copy(update={"order": _order(document.text, request.sent)})


def _archive(
    request: Request, data: bytes, detected: str, facts: AttachmentFacts, tell: Tell
) -> AttachmentFacts:
    listing = archives.read_archive(
        data, detected, lambda so_far: tell(Answer(facts=_listed(facts, so_far)))
    )
    media_type = listing.media_type or detected
    claims = mismatches(request.filename, request.content_type, media_type, listed=True)
    known = _listed(facts, listing)
    locked = listing.facts.encrypted
    return known.model_copy(
        update={
            "detected_type": media_type,
            "findings": tuple(sorted({*known.findings} - _CLAIMED | claims)),
            "status": Status.ENCRYPTED if locked else Status.OK,
            "problem": "what is in it can be read with a password only" if locked else None,
        }
    )


def _listed(facts: AttachmentFacts, listing: archives.Listing) -> AttachmentFacts:
    found = {"archive": listing.facts, "findings": _with(facts, listing.findings)}
    return facts.model_copy(update=found)


def _office(data: bytes, facts: AttachmentFacts) -> AttachmentFacts:
    if _OLE_ENCRYPTED in data:
        raise Unusable(Status.ENCRYPTED, "it can be opened with a password only")
    if any(name in data for name in _OLE_MACROS):
        return facts.model_copy(update={"findings": _with(facts, {Finding.MACROS})})
    return facts


def _with_hidden_archive(data: bytes, facts: AttachmentFacts) -> AttachmentFacts:
    """The facts with the list of the archive that stands behind what the file seems to be."""
    try:
        listing = archives.read_archive(data, "application/zip", lambda _: None)
    except Unusable:
        return facts
    return _listed(facts, listing)


def _image(request: Request, data: bytes, facts: AttachmentFacts, tell: Tell) -> Answer:
    claimed = request.content_type.startswith("image/") and facts.detected_type is None
    if not claimed and not (facts.detected_type or "").startswith("image/"):
        return Answer(facts=facts)
    from sage_mail.attachments.images import is_image, read_image, small_picture

    if not claimed and not is_image(facts.detected_type):
        return Answer(facts=facts)
    image, findings = read_image(data)
    facts = facts.model_copy(update={"image": image, "findings": _with(facts, findings)})
    if not request.thumbnail:
        return Answer(facts=facts)
    tell(Answer(facts=facts))
    try:
        octets, content_type, width, height = small_picture(data)
    except Unusable as error:
        told = {"status": error.status, "problem": error.problem}
        return Answer(facts=facts.model_copy(update=told))
    drawn = Drawn(
        data=base64.b64encode(octets), content_type=content_type, width=width, height=height
    )
    return Answer(facts=facts, picture=drawn)


def _with(facts: AttachmentFacts, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted({*facts.findings, *findings}))


def _order(text: str, sent: datetime | None) -> OrderFacts | None:
    if not text.strip():
        return None
    return _extractor().orders(Source.of_text(text, sent=sent))


@cache
def _extractor() -> Extractor:
    return Extractor(load_vocabulary())
