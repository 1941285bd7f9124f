"""Models as files: written by skops, and read so that a hostile file can do nothing.

A skops file says of each object which class makes it. Before anything is made, all that it names is
compared with `ALLOWED_TYPES`, which has arrays and plain values only; skops' own list of what it
trusts, all of scikit-learn among it, is not relied on. The manifest's SHA-256 tells what is
damaged, not what is hostile: who can replace the file can replace the manifest too.
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from sage_mail.classification import features
from sage_mail.classification.features import Part
from sage_mail.classification.linear import SPAM_LABELS, LinearModel
from sage_mail.classification.manifest import Manifest, manifest_path, read_manifest
from sage_mail.errors import ModelUnusable, ModelUnwritable
from sage_mail.files import make_private_file, make_private_folder
from sage_mail.pipeline.decision import Category

__all__ = [
    "ALLOWED_TYPES",
    "FORMAT",
    "dumped",
    "load_model_file",
    "require_writable",
    "save_model",
]

#: The version of what a model's file holds.
FORMAT: Final = 1

#: Module, class and skops' loader of everything that a model's file may name.
ALLOWED_TYPES: Final = frozenset(
    {
        ("builtins", "dict", "DictNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "str", "JsonNode"),
        ("builtins", "int", "JsonNode"),
        ("builtins", "float", "JsonNode"),
        ("builtins", "str", "TypeNode"),
        ("numpy", "ndarray", "NdArrayNode"),
    }
)

_SCHEMA: Final = "schema.json"
# A model with 40,000 features for eight categories has 2 MB; unpacked, about twice that.
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_UNPACKED: Final = 256 * 1024 * 1024
_MOST_SCHEMA: Final = 4 * 1024 * 1024
_LABELS: Final = frozenset({*map(str, Category)})
# What reading a damaged or hostile archive raises, in zipfile, json, numpy and skops.
_UNREADABLE: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def dumped(model: LinearModel) -> bytes:
    """The model as the octets of a skops file."""
    import skops.io

    content = {
        "format": FORMAT,
        "features": features.VERSION,
        "name": model.name,
        "labels": list(model.labels),
        "parts": [str(part) for part in model.parts],
        "threshold": float(model.threshold),
        "vocabulary": np.frombuffer("\n".join(model.vocabulary).encode(), dtype=np.uint8),
        "idf": model.idf.astype(np.float32),
        "weights": model.weights.astype(np.float32),
        "intercepts": model.intercepts,
        "slopes": model.slopes,
        "offsets": model.offsets,
        "known": np.array(sorted(model.known), dtype=np.uint64),
    }
    octets: bytes = skops.io.dumps(content, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    return octets


def require_writable(path: Path) -> None:
    """Make sure before a long training that its model can be written; nothing is left behind.

    Raises:
        ModelUnwritable: it cannot.
    """
    try:
        if path.is_dir() or manifest_path(path).is_dir():
            raise ModelUnwritable(path, "there is a folder of that name")
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ModelUnwritable(path, _reason(error)) from error


def save_model(model: LinearModel, manifest: Manifest, octets: bytes, path: Path) -> None:
    """Write the octets of `dumped` and the manifest, both or neither.

    Raises:
        ModelUnusable: the manifest is of something else.
        ModelUnwritable: they cannot be written there.
    """
    if manifest.sha256 != hashlib.sha256(octets).hexdigest() or manifest.labels != model.labels:
        raise ModelUnusable(path, "the manifest is another model's")
    require_writable(path)
    text = manifest.model_dump_json(indent=2) + "\n"
    contents = {path: octets, manifest_path(path): text.encode()}
    temporary = {target: target.with_name(f".{target.name}.new") for target in contents}
    try:
        make_private_folder(path.parent)
        for target, data in contents.items():
            temporary[target].unlink(missing_ok=True)
            make_private_file(temporary[target], data)
            if target.exists():  # whoever may read the old one may read the new one
                temporary[target].chmod(stat.S_IMODE(target.stat().st_mode))
        for target, new in temporary.items():
            new.replace(target)
    except OSError as error:
        for new in temporary.values():
            with suppress(OSError):
                new.unlink()
        raise ModelUnwritable(path, _reason(error)) from error


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def load_model_file(path: Path) -> tuple[LinearModel, Manifest]:
    """The model in the file and its manifest.

    Raises:
        ModelUnusable: a file is missing, damaged, of another version, or names a type that no model
            has; nothing in it was made then.
    """
    manifest = read_manifest(path)
    if (manifest.format, manifest.features) != (FORMAT, features.VERSION):
        raise ModelUnusable(path, "it was made by another version of this program")
    octets = _octets(path)
    if hashlib.sha256(octets).hexdigest() != manifest.sha256:
        raise ModelUnusable(path, "it is damaged: its SHA-256 is not the manifest's")
    try:
        return _model(path, _content(path, octets), manifest), manifest
    except _UNREADABLE as error:
        raise ModelUnusable(path, f"it is no model ({type(error).__name__})") from error


def _octets(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelUnusable(path, f"it is larger than {_MOST_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except OSError as error:
        raise ModelUnusable(path, f"it cannot be read: {error.strerror}") from error


def _content(path: Path, octets: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(octets)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
            raise ModelUnusable(path, "it unpacks to more than a model has")
        if archive.getinfo(_SCHEMA).file_size > _MOST_SCHEMA:
            raise ModelUnusable(path, "it lists more than a model has")
        foreign = _named_types(json.loads(archive.read(_SCHEMA))) - ALLOWED_TYPES
    if foreign:
        names = ", ".join(sorted(f"{module}.{name}"[:100] for module, name, _ in foreign)[:5])
        raise ModelUnusable(path, f"it names types that no model has ({names}); none was made")
    import skops.io

    content = skops.io.loads(octets, trusted=[])
    if not isinstance(content, dict):
        raise TypeError("a model is a dictionary")
    return content


def _named_types(schema: object) -> set[tuple[str, str, str]]:
    """Module, class and loader of every node, whatever stands where; a missing one is ''."""
    named = set()
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting.extend(node.values())
            if node.keys() & {"__class__", "__module__", "__loader__"}:
                keys = ("__module__", "__class__", "__loader__")
                module, name, loader = (str(node.get(key, "")) for key in keys)
                named.add((module, name, loader))
        elif isinstance(node, list):
            waiting.extend(node)
    return named


def _model(path: Path, content: Mapping[str, Any], manifest: Manifest) -> LinearModel:
    if (content["format"], content["features"]) != (FORMAT, features.VERSION):
        raise ModelUnusable(path, "it was made by another version of this program")
    labels = tuple(content["labels"])
    if labels != manifest.labels or not (labels == SPAM_LABELS or _LABELS.issuperset(labels)):
        raise ValueError("labels")
    vocabulary = tuple(content["vocabulary"].tobytes().decode().split("\n"))
    rows = 1 if len(labels) == 2 else len(labels)
    numbers = {
        name: _floats(content[name], shape)
        for name, shape in (
            ("idf", (len(vocabulary),)),
            ("weights", (rows, len(vocabulary))),
            ("intercepts", (rows,)),
            ("slopes", (rows,)),
            ("offsets", (rows,)),
        )
    }
    return LinearModel(
        name=str(content["name"]),
        labels=labels,
        parts=tuple(Part(part) for part in content["parts"]),
        vocabulary=vocabulary,
        threshold=float(content["threshold"]),
        known=frozenset(map(int, content["known"])),
        **numbers,
    )


def _floats(array: Any, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.float64]]:
    numbers = np.asarray(array, dtype=np.float64)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError("numbers")
    return numbers
