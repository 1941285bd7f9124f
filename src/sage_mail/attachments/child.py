"""The program of the children that analyse attachments."""

from __future__ import annotations

from sage_mail.attachments.analysis import analyse
from sage_mail.attachments.request import Request
from sage_mail.confinement.serving import serve

__all__: list[str] = []


def _handle(asked: bytes, body: bytes) -> bytes:
    return analyse(Request.model_validate_json(asked), body).model_dump_json().encode()


if __name__ == "__main__":
    serve(_handle)
