"""Models as files: what is refused, and that nothing of it is made."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skops.io

from sage_mail.classification import storing
from sage_mail.classification.manifest import manifest_path
from sage_mail.classification.storing import FORMAT, load_model_file, save_model
from sage_mail.errors import ModelUnusable, ModelUnwritable
from tests.sage_mail.classification.samples import SPAMMY, made, message

_TRIPWIRE = "tests.sage_mail.classification.tripwire"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A model's file with its manifest."""
    path = tmp_path / "models" / "mine.skops"
    of = made(spam=True)
    save_model(of.model, of.manifest, of.octets, path)
    return path


def test_nobody_else_reads_a_model(saved: Path) -> None:
    """Its words are those of mail, so both files are their owner's alone."""
    files = (saved.parent, *saved.parent.iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o700, 0o600, 0o600]


def test_who_reads_a_model_reads_the_next_one(saved: Path) -> None:
    """What is written over a model is for those to whom that was open."""
    saved.chmod(0o640)
    of = made(spam=True)
    save_model(of.model, of.manifest, of.octets, saved)
    modes = {file.suffix: file.stat().st_mode & 0o777 for file in saved.parent.iterdir()}
    assert modes == {".skops": 0o640, ".json": 0o600}


def _replace(path: Path, octets: bytes, **changes: Any) -> None:
    """Other octets with a manifest that fits them, as an attacker would do it."""
    path.write_bytes(octets)
    manifest = json.loads(manifest_path(path).read_text())
    manifest |= {"sha256": hashlib.sha256(octets).hexdigest(), **changes}
    manifest_path(path).write_text(json.dumps(manifest))


def _with_schema(octets: bytes, change: Callable[[Any], None]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(octets)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                change(schema)
                data = json.dumps(schema).encode()
            new.writestr(name, data)
    return target.getvalue()


def test_a_model_comes_back_as_it_was(saved: Path) -> None:
    """What is read says the same of a message as what was written."""
    model, manifest = load_model_file(saved)
    before = made(spam=True)
    assert manifest == before.manifest
    assert model.known == before.model.known
    for words in SPAMMY.values():
        one, two = (of.classify(message(words, 970)) for of in (model, before.model))
        assert one.category == two.category
        assert one.scores == pytest.approx(two.scores, abs=1e-5)
    assert sorted(path.name for path in saved.parent.iterdir()) == [
        "mine.manifest.json",
        "mine.skops",
    ]


def test_it_names_no_type_but_arrays_and_plain_values(saved: Path) -> None:
    """What is written needs nothing that is not allowed, hence nothing of scikit-learn."""
    assert skops.io.get_untrusted_types(data=saved.read_bytes()) == []
    with zipfile.ZipFile(saved) as archive:
        named = storing._named_types(json.loads(archive.read("schema.json")))
    assert named <= storing.ALLOWED_TYPES


@pytest.mark.parametrize("where", ["content", "key_types", "beside"])
def test_a_foreign_type_is_refused_before_anything_is_made(saved: Path, where: str) -> None:
    """Wherever a file names another class, its module is not even imported."""

    def change(schema: Any) -> None:
        node: dict[str, Any] = {
            "__class__": "Tripwire",
            "__module__": _TRIPWIRE,
            "__loader__": "ObjectNode",
        }
        node |= {"content": {}, "__id__": 1}
        if where == "content":
            schema["content"]["name"] = node
        elif where == "key_types":
            schema["key_types"] = node
        else:
            schema["more"] = [{"deep": node}]

    _replace(saved, _with_schema(saved.read_bytes(), change))
    with pytest.raises(ModelUnusable, match=rf"types that no model has \({_TRIPWIRE}.Tripwire\)"):
        load_model_file(saved)
    assert _TRIPWIRE not in sys.modules


def test_what_skops_trusts_is_not_trusted(saved: Path) -> None:
    """An estimator of scikit-learn, which skops would make unasked, is refused."""
    from sklearn.linear_model import LogisticRegression

    _replace(saved, skops.io.dumps(LogisticRegression()))
    with pytest.raises(ModelUnusable, match="LogisticRegression"):
        load_model_file(saved)


def test_an_allowed_type_by_another_loader_is_refused(saved: Path) -> None:
    """The loader decides what is done with a node, whatever class the node says it is."""

    def change(schema: Any) -> None:
        schema["content"]["name"]["__loader__"] = "OperatorFuncNode"

    _replace(saved, _with_schema(saved.read_bytes(), change))
    with pytest.raises(ModelUnusable, match="none was made"):
        load_model_file(saved)


def test_tampered_octets_are_refused(saved: Path) -> None:
    """One changed octet is noticed, and the text says what to do."""
    octets = bytearray(saved.read_bytes())
    octets[len(octets) // 2] ^= 1
    saved.write_bytes(octets)
    with pytest.raises(ModelUnusable, match="it is damaged") as refused:
        load_model_file(saved)
    assert "sage-mail classify train" in str(refused.value)
    assert "nothing of it was loaded" in str(refused.value)


@pytest.mark.parametrize("octets", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(saved: Path, octets: bytes) -> None:
    """Even with a manifest that fits."""
    _replace(saved, octets)
    with pytest.raises(ModelUnusable, match="it is no model"):
        load_model_file(saved)


def test_every_cut_is_refused(saved: Path) -> None:
    """A file that ends too early is never half a model."""
    octets = saved.read_bytes()
    for end in range(0, len(octets), len(octets) // 23):
        _replace(saved, octets[:end])
        with pytest.raises(ModelUnusable):
            load_model_file(saved)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": FORMAT + 1}, "another version"),
        ({"features": 99}, "another version"),
        ({"labels": ["spam", "ham"]}, "it is no model"),
        ({"sha256": "no hash"}, "is no manifest"),
        ({"surprise": 1}, "is no manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    saved: Path, change: dict[str, object], told: str
) -> None:
    """Another version, other labels, or something else altogether."""
    manifest = json.loads(manifest_path(saved).read_text())
    manifest_path(saved).write_text(json.dumps(manifest | change))
    with pytest.raises(ModelUnusable, match=told):
        load_model_file(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [[1.0]]},
        {"labels": ["ham", "elsewhere"]},
        {"parts": ["words", "thoughts"]},
        {"vocabulary": 7},
        {"idf": "none"},
        {"features": 99},
        {"known": {"a": "b"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_contents_that_do_not_fit_are_refused(saved: Path, change: dict[str, Any]) -> None:
    """A file of allowed types can still be no model."""
    content = skops.io.loads(saved.read_bytes(), trusted=[]) | change
    _replace(saved, skops.io.dumps(content), labels=content["labels"])
    with pytest.raises(ModelUnusable):
        load_model_file(saved)


def test_numbers_that_are_none_are_refused(saved: Path) -> None:
    """A weight that is not finite would make every message anything."""
    content = skops.io.loads(saved.read_bytes(), trusted=[])
    content["weights"][0, 0] = float("nan")
    _replace(saved, skops.io.dumps(content))
    with pytest.raises(ModelUnusable, match="it is no model"):
        load_model_file(saved)


def test_a_bomb_is_not_unpacked(saved: Path) -> None:
    """What says that it unpacks to more than a model has is refused by its table of contents."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        with archive.open("1.npy", "w", force_zip64=True) as entry:
            for _ in range(300):
                entry.write(bytes(1024 * 1024))
    _replace(saved, target.getvalue())
    with pytest.raises(ModelUnusable, match="unpacks to more"):
        load_model_file(saved)


def test_monsters_are_not_read(saved: Path) -> None:
    """A file or a manifest that is larger than any model's is refused by its size."""
    octets = saved.read_bytes()
    with saved.open("r+b") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(ModelUnusable, match="larger than 64 MiB"):
        load_model_file(saved)
    saved.write_bytes(octets)
    with manifest_path(saved).open("r+b") as file:
        file.truncate(2 * 1024 * 1024)
    with pytest.raises(ModelUnusable, match="is no manifest"):
        load_model_file(saved)


def test_a_nested_schema_is_refused(saved: Path) -> None:
    """Depth that no parser follows is an error of the file, not of the program."""
    deep = "[" * 100_000 + "]" * 100_000
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("schema.json", deep)
    _replace(saved, target.getvalue())
    with pytest.raises(ModelUnusable, match="it is no model"):
        load_model_file(saved)


def test_missing_files_are_named(saved: Path, tmp_path: Path) -> None:
    """The text names the file that is not there."""
    with pytest.raises(ModelUnusable, match=r"other\.skops does not exist"):
        load_model_file(tmp_path / "other.skops")
    manifest_path(saved).unlink()
    with pytest.raises(ModelUnusable, match=r"mine\.manifest\.json does not exist"):
        load_model_file(saved)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A path below a file, a folder, and a manifest of something else; nothing is left of it."""
    of = made(spam=True)
    (tmp_path / "file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "half.manifest.json").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for name, told in (
        ("file/m.skops", "Not a directory"),
        ("tree", "there is a folder of that name"),
        ("half.skops", "there is a folder of that name"),
        ("n" * 300, "File name too long"),
    ):
        with pytest.raises(ModelUnwritable, match=f"{told}; nothing was written"):
            save_model(of.model, of.manifest, of.octets, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(ModelUnusable, match="another model's"):
        save_model(of.model, of.manifest, of.octets + b" ", tmp_path / "m.skops")
