"""``sage-mail classify`` on files and on a store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sage_mail.cli import app
from sage_mail.errors import SageMailError
from sage_mail.storage import Storage
from tests.sage_mail.classification.samples import CATEGORIES, SPAMMY, message
from tests.sage_mail.storage.samples import message as new_message
from tests.sage_mail.storage.samples import place, stored


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store is in a folder of the test."""
    path = tmp_path / "sage-mail.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n')
    return path


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["classify", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.output


def _folders(path: Path, kinds: Mapping[str, str], numbers: range) -> Path:
    for label, words in kinds.items():
        (path / label).mkdir(parents=True)
        for number in numbers:
            (path / label / f"{number}.eml").write_bytes(message(words, number).raw)
    return path


def test_train_evaluate_explain(tmp_path: Path, config: Path) -> None:
    """A model is learnt from folders, judged on other mail, and asked why."""
    learnt = _folders(tmp_path / "mail", CATEGORIES, range(30))
    model = tmp_path / "mine.skops"
    output = _run("train", "--to", model, "--mail", learnt, "--report", tmp_path / "report")
    assert "30 support" in output
    assert (tmp_path / "report" / "report.html").exists()
    assert (tmp_path / "report" / "confusion.svg").exists()
    _folders(tmp_path / "other", CATEGORIES, range(20, 50))
    output = _run("evaluate", "--model", model, "--mail", tmp_path / "other")
    assert "30 messages of which it has learnt are left out" in output
    assert "of 60 messages" in output
    with pytest.raises(SageMailError, match="learnt from all of this mail"):
        _run("evaluate", "--model", model, "--mail", learnt)
    config.write_text(f'{config.read_text()}[classification]\nmodel = "mine.skops"\n')
    explained = _run("explain", learnt / "sales" / "7.eml", "--config", config)
    assert explained.startswith("sales\nconfidence 0.")
    assert "body" in explained
    by_rules = _run("explain", learnt / "sales" / "7.eml", "--model", "rules")
    assert "personal" in by_rules


def test_evaluate_rules_on_spam(tmp_path: Path) -> None:
    """Rules and the shipped model are judged as those who tell spam from ham."""
    mail = _folders(tmp_path / "mail", SPAMMY, range(10))
    for model in ("rules", "shipped-spam"):
        output = _run("evaluate", "--only-spam", "--model", model, "--mail", mail)
        assert "of 20 messages" in output


def test_only_spam_makes_a_model_of_spam(tmp_path: Path) -> None:
    """Every other label is ham then."""
    spam = _folders(tmp_path / "a", {"spam": SPAMMY["spam"]}, range(20))
    rest = _folders(tmp_path / "b", CATEGORIES, range(20))
    model = tmp_path / "spam.skops"
    output = _run(
        *("train", "--only-spam", "--to", model, "--threshold", "0.5", "--parts", "words"),
        *("--mail", f"{spam / 'spam'}=spam", "--mail", rest),
    )
    assert "ham " in output
    assert _run("explain", spam / "spam" / "3.eml", "--model", model).startswith("spam")


def test_corrections_are_recorded_and_learnt_from(tmp_path: Path, config: Path) -> None:
    """What a person says of a stored message is learnt with the rest."""

    async def fill() -> list[int]:
        storage = await Storage.open(
            f"sqlite:///{tmp_path / 'data' / 'sage.db'}", blob_dir=tmp_path / "data" / "blobs"
        )
        try:
            where = await place(storage)
            ids = []
            for number in range(10):
                raw = message(SPAMMY["spam"], number).raw
                hashed = await storage.blobs.put(raw)
                assert hashed == hashlib.sha256(raw).hexdigest()
                ids.append(
                    await stored(storage, new_message(where, number + 1, content_hash=hashed))
                )
            ids.append(await stored(storage, new_message(where, 99, content_hash="")))
            return ids
        finally:
            await storage.close()

    (tmp_path / "data").mkdir()
    ids = asyncio.run(fill())
    for number, message_id in enumerate(ids):
        output = _run("correct", message_id, "spam", "--config", config)
        assert output == f"message {message_id} is spam; {number + 1} corrected in all\n"
    rest = _folders(tmp_path / "mail", CATEGORIES, range(20))
    model = tmp_path / "mine.skops"
    output = _run("train", "--to", model, "--mail", rest, "--corrections", "--config", config)
    assert "10 spam         corrections (10 different)" in output
    assert _run("explain", ids[3], "--model", model, "--config", config).startswith("spam")
    with pytest.raises(SageMailError, match="no message 4711 with its octets"):
        _run("explain", 4711, "--config", config)


@pytest.mark.parametrize("model", ["rules", "shipped-spam"])
def test_evaluate_refuses_what_train_refuses(tmp_path: Path, model: str) -> None:
    """Folders without mail, and labels that nobody could say, are mistakes and no scores."""
    (tmp_path / "empty" / "sales").mkdir(parents=True)
    with pytest.raises(SageMailError, match="there is no mail in what was named"):
        _run("evaluate", "--model", model, "--mail", tmp_path / "empty")
    odd = _folders(tmp_path / "odd", {"fruit": "apples", "sales": "offer"}, range(2))
    if model == "rules":
        with pytest.raises(SageMailError, match='odd/fruit: "fruit" is no label'):
            _run("evaluate", "--model", model, "--mail", odd)
    assert "of 4 messages" in _run("evaluate", "--model", model, "--mail", odd, "--only-spam")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["correct", "1", "nonsense"], '"nonsense" is no category'),
        (["correct", "77", "spam"], "there is no message 77"),
        (["train", "--to", "m.skops"], "name labelled mail"),
        (["train", "--to", "m.skops", "--parts", "thoughts", "--mail", "x"], "is no part"),
        (["train", "--to", "m.skops", "--mail", "nowhere"], "nowhere does not exist"),
        (["train", "--to", "m.skops", "--folder", "INBOX"], "is not ACCOUNT:FOLDER=LABEL"),
        (["train", "--to", "m.skops", "--folder", "a:INBOX=spam"], 'have no account "a"'),
        (["train", "--to", "/proc/x.skops", "--mail", "nowhere"], "/proc/x.skops: "),
        (["train", "--to", "/", "--mail", "nowhere"], "there is a folder of that name"),
        (["evaluate", "--model", "none.skops", "--mail", "x"], "none.skops does not exist"),
        (["explain", "nowhere.eml"], "nowhere.eml cannot be read"),
    ],
)
def test_mistakes_are_one_sentence(config: Path, arguments: list[str], told: str) -> None:
    """Each says what is wrong; nothing is written."""
    (config.parent / "data").mkdir()
    with pytest.raises(SageMailError, match=told):
        _run(*arguments, "--config", config)
    assert not list(config.parent.glob("*.skops"))
