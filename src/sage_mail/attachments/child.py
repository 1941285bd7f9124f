"""The program of the children that analyse attachments."""

from __future__ import annotations

from importlib import import_module

from sage_mail.attachments.analysis import analyse, load_words
from sage_mail.attachments.request import Answer, Request
from sage_mail.confinement.serving import Tell, serve

__all__: list[str] = []


def _handle(asked: bytes, body: bytes, tell: Tell) -> bytes:
    def told(so_far: Answer) -> None:
        tell(_octets(so_far))

    return _octets(analyse(Request.model_validate_json(asked), body, told))


def _octets(answer: Answer) -> bytes:
    return answer.model_dump_json().encode()


def _load_documents() -> None:
    import_module("sage_mail.attachments.documents")


def _load_images() -> None:
    import_module("sage_mail.attachments.images")


if __name__ == "__main__":
    serve(_handle, [load_words, _load_documents, _load_images])
