"""What is told about a model beside it: from what it was made, when, with what, how good it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sage_mail.errors import ModelUnusable

__all__ = ["DataSource", "Manifest", "manifest_path", "read_manifest"]

# A manifest has some kilobytes; what is larger is something else.
_MOST_BYTES: Final = 1024 * 1024


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSource(_Value):
    """Messages of one label from one source; ``clusters`` counts near-duplicates once."""

    source: str
    label: str
    messages: int
    clusters: int
    licence: str = ""


class Manifest(_Value):
    """The manifest of a model.

    ``format`` is the version of the file, ``features`` that of the rules by which a message's
    features are found; ``sha256`` and ``size`` (octets) are those of the model's file. ``scores``
    are measured on ``held_out`` messages from clusters of which nothing was learnt.
    """

    format: int
    features: int
    name: str = Field(max_length=200)
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    created: datetime
    data: tuple[DataSource, ...]
    held_out: int
    scores: dict[str, float]
    versions: dict[str, str]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int


def manifest_path(model: Path) -> Path:
    """Where the manifest of the model's file lies."""
    return model.with_suffix(".manifest.json")


def read_manifest(model: Path) -> Manifest:
    """The manifest of the model's file.

    Raises:
        ModelUnusable: it is missing or does not say what a manifest says.
    """
    path = manifest_path(model)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelUnusable(model, f"{path.name} is no manifest")
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        missing = path.name if model.exists() else model.name
        raise ModelUnusable(model, f"{missing} does not exist") from error
    except OSError as error:
        raise ModelUnusable(model, f"{path.name} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ModelUnusable(model, f"{path.name} is no manifest") from error
