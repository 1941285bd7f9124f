"""PDF documents by PDFium: pages, metadata and text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Final

import pypdfium2
import pypdfium2.raw

from sage_mail.attachments.facts import LONGEST_TEXT, DocumentFacts, Finding, Status
from sage_mail.attachments.problems import Unusable

__all__ = ["read_document"]

# An invoice has its total on one of the first pages or on the last of a few.
_MOST_PAGES: Final = 50
_LONGEST: Final = 200
# The names of actions (ISO 32000-2 section 12.6.4), as PDFium writes them: without escapes. A /JS
# is JavaScript in an action of its own and in one for multimedia.
_ACTIVE: Final = re.compile(rb"/(?:JavaScript|JS|Launch)(?![\w.#-])")
# PDFium escapes brackets and ends of lines in strings, so that neither is found within one.
_STRING: Final = re.compile(rb"\((?:[^\\()]|\\.)*\)", re.DOTALL)
_STREAM, _STREAM_END = b"stream\r\n", b"\r\nendstream"

#: Takes what is known of a document before its text is read.
Tell = Callable[[DocumentFacts, set[Finding]], object]


def read_document(data: bytes, tell: Tell) -> tuple[DocumentFacts, set[Finding]]:
    """The facts of the document with the text of its first pages.

    What is known without the text is told first, since pages may be made to take for ever.

    Raises:
        Unusable: it is broken, or encrypted under a password.
    """
    try:
        with pypdfium2.PdfDocument(data) as document:
            findings = {Finding.ACTIVE_CONTENT} if _is_active(document) else set()
            facts = _facts(document)
            tell(facts, findings)
            text, truncated = _text(document, facts.pages)
            facts = facts.model_copy(update={"text": text, "truncated": truncated})
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Unusable(Status.ENCRYPTED, "it can be opened with a password only") from error
        raise Unusable(Status.BROKEN, "it is no PDF that can be read") from error
    return facts, findings


def _facts(document: pypdfium2.PdfDocument) -> DocumentFacts:
    told = {key: value.strip()[:_LONGEST] for key, value in document.get_metadata_dict().items()}
    version = document.get_version()
    return DocumentFacts(
        pages=_pages(document),
        version=f"{version // 10}.{version % 10}" if version else None,
        title=told.get("Title") or None,
        author=told.get("Author") or None,
        subject=told.get("Subject") or None,
        producer=told.get("Producer") or None,
        creator=told.get("Creator") or None,
        created=told.get("CreationDate") or None,
        modified=told.get("ModDate") or None,
        protected=pypdfium2.raw.FPDF_GetSecurityHandlerRevision(document) >= 0,
        embedded_files=max(0, document.count_attachments()),
    )


def _pages(document: pypdfium2.PdfDocument) -> int:
    """How many pages there are: a tree of pages may claim any number (ISO 32000-2 7.7.3.2)."""
    claimed = len(document)
    if not claimed or _has_page(document, claimed - 1):
        return claimed
    # By halves, since each look-up walks the tree; for the rest one broken page costs no other.
    known, missing = 0, claimed - 1
    while known < missing:
        middle = (known + missing) // 2
        if _has_page(document, middle):
            known = middle + 1
        else:
            missing = middle
    return known


def _has_page(document: pypdfium2.PdfDocument, index: int) -> bool:
    """True if the tree has that page; of its content nothing is read."""
    try:
        document.get_page_size(index)
    except pypdfium2.PdfiumError:
        return False
    return True


def _text(document: pypdfium2.PdfDocument, pages: int) -> tuple[str, bool]:
    """The text of the first pages, and whether there may be more."""
    texts: list[str] = []
    room = LONGEST_TEXT
    for index in range(min(pages, _MOST_PAGES)):
        try:
            page = document[index]
            found = _clean(page.get_textpage().get_text_bounded())
        except pypdfium2.PdfiumError:
            continue  # one broken page hides no other
        texts.append(found[:room])
        room -= len(found) + 1
        if room <= 0:
            return "\n".join(texts), True
    return "\n".join(texts), pages > _MOST_PAGES


def _clean(text: str) -> str:
    """The text with plain ends of lines; U+FFFE stands for a hyphen at the end of a line."""
    return text.replace("\r\n", "\n").replace("\ufffe", "-").replace("\0", "")


def _is_active(document: pypdfium2.PdfDocument) -> bool:
    """True if it runs JavaScript or starts a program, on being opened or by any action of it.

    PDFium lists the scripts of the document's name tree only, so that it writes all objects that
    can be reached, out of their compressed streams and decrypted, and those are searched.
    """
    written = io.BytesIO()
    flags = pypdfium2.raw.FPDF_NO_INCREMENTAL | pypdfium2.raw.FPDF_REMOVE_SECURITY
    document.save(written, flags=flags)
    return any(
        _ACTIVE.search(_STRING.sub(b"", part)) for part in _between_streams(written.getvalue())
    )


def _between_streams(written: bytes) -> Iterator[bytes]:
    at = 0
    while (start := written.find(_STREAM, at)) >= 0:
        yield written[at:start]
        at = written.find(_STREAM_END, start)
        if at < 0:
            return
        at += len(_STREAM_END)
    yield written[at:]
