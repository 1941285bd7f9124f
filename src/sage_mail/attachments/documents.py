"""PDF documents by PDFium: pages, metadata and text."""

from __future__ import annotations

from typing import Final

import pypdfium2
import pypdfium2.raw

from sage_mail.attachments.facts import LONGEST_TEXT, DocumentFacts, Finding, Status
from sage_mail.attachments.problems import Unusable

__all__ = ["read_document"]

# An invoice has its total on one of the first pages or on the last of a few.
_MOST_PAGES: Final = 50
_LONGEST: Final = 200


def read_document(data: bytes) -> tuple[DocumentFacts, set[Finding]]:
    """The facts of the document with the text of its first pages.

    Raises:
        Unusable: it is broken, or encrypted under a password.
    """
    try:
        with pypdfium2.PdfDocument(data) as document:
            facts = _facts(document)
            findings = {Finding.ACTIVE_CONTENT} if _is_active(document) else set()
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Unusable(Status.ENCRYPTED, "it can be opened with a password only") from error
        raise Unusable(Status.BROKEN, "it is no PDF that can be read") from error
    return facts, findings


def _facts(document: pypdfium2.PdfDocument) -> DocumentFacts:
    told = {key: value.strip()[:_LONGEST] for key, value in document.get_metadata_dict().items()}
    pages = len(document)
    text, truncated = _text(document, pages)
    version = document.get_version()
    return DocumentFacts(
        pages=pages,
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
        text=text,
        truncated=truncated,
    )


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
    return bool(pypdfium2.raw.FPDFDoc_GetJavaScriptActionCount(document) > 0)
