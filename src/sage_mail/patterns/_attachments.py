"""What is told of an attachment by the guide's processors: the one place where it is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sage_imap.models.attachment import Attachment

__all__ = ["process_generic_attachment", "process_image_attachment", "process_pdf_attachment"]


def process_image_attachment(attachment: Attachment) -> dict[str, Any]:
    """What is known of an image."""
    return _known(attachment)


def process_pdf_attachment(attachment: Attachment) -> dict[str, Any]:
    """What is known of a PDF."""
    return _known(attachment)


def process_generic_attachment(attachment: Attachment) -> dict[str, Any]:
    """What is known of any other attachment."""
    return _known(attachment)


def _known(attachment: Attachment) -> dict[str, Any]:
    return {
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment.sha256,
    }
