"""Models that learn from the folders of a real server, and the service that consults them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sage_mail.classification.files import read_message
from sage_mail.classification.mailboxes import fetch_labelled
from sage_mail.classification.opening import open_model
from sage_mail.cli import app
from sage_mail.errors import TrainingImpossible
from sage_mail.records import MessageRecord
from sage_mail.settings import AccountSettings, ClassificationSettings
from tests.live.process import written
from tests.live.system import account, append, flags, logged_in, running, settings_for
from tests.sage_mail.classification.samples import CATEGORIES, message
from tests.support.dovecot import Dovecot, needs_dovecot

pytestmark = [pytest.mark.live, needs_dovecot]

_KINDS = {label: CATEGORIES[label] for label in ("support", "sales")}


async def _filled(dovecot: Dovecot, user: str) -> None:
    async with logged_in(dovecot, user) as client:
        for label in _KINDS:
            await client.create(label.title())
    for label, words in _KINDS.items():
        mails = [message(words, number).raw for number in range(25)]
        await append(dovecot, user, *mails, mailbox=label.title())


async def test_training_from_the_folders_of_an_account(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """The folders' mail is learnt from and stays as it was, and the service then decides by it."""
    await _filled(dovecot, dovecot_user)
    table = {"data_dir": str(tmp_path / "data"), "accounts": [account(dovecot, dovecot_user)]}
    config, model = written(tmp_path, table), tmp_path / "mine.skops"
    folders = [f"--folder={dovecot_user}:{label.title()}={label}" for label in _KINDS]
    arguments = ["classify", "train", "--to", str(model), "--config", str(config), *folders]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 0, result.output
    assert "25 sales" in result.output
    async with logged_in(dovecot, dovecot_user) as client:
        for label in _KINDS:
            assert all("\\Seen" not in told for told in await flags(client, label.title()))
    (tmp_path / "one.eml").write_bytes(message(CATEGORIES["sales"], 930).raw)
    assert open_model(model).classify(read_message(tmp_path / "one.eml")).category == "sales"
    stored = await _stored(
        dovecot, dovecot_user, tmp_path, ClassificationSettings(model=model, decides=True)
    )
    assert stored.decision.category == "sales"
    assert stored.decision.details["opinions"][0]["decided"]


async def test_folders_that_cannot_be_read(dovecot: Dovecot, dovecot_user: str) -> None:
    """A folder that is not there and a server that does not answer are each one sentence."""
    there = AccountSettings(**account(dovecot, dovecot_user))
    with pytest.raises(TrainingImpossible, match="folder Nowhere: does not exist"):
        [_ async for _ in fetch_labelled(there, "Nowhere", "sales", most=5)]
    closed = AccountSettings(**account(dovecot, dovecot_user, port=1))
    with pytest.raises(TrainingImpossible, match=f"account {dovecot_user}, folder INBOX: "):
        [_ async for _ in fetch_labelled(closed, "INBOX", "sales", most=5)]


async def test_the_spam_model_is_a_recorded_fact(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """The shipped model's score is stored with the decision, which is the rules' own."""
    settings = ClassificationSettings(model="shipped-spam")
    stored = await _stored(dovecot, dovecot_user, tmp_path, settings)
    (opinion,) = stored.decision.details["opinions"]
    assert opinion["model"] == "shipped-spam"
    assert opinion["scores"].keys() == {"ham", "spam"}
    assert not opinion["decided"]


async def test_rules_serve_on_without_the_model(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that cannot be used is told once, and mail is handled as without one."""
    (tmp_path / "mine.skops").write_bytes(b"no model")
    settings = ClassificationSettings(model=tmp_path / "mine.skops", decides=True)
    stored = await _stored(dovecot, dovecot_user, tmp_path, settings)
    assert stored.decision.category is not None
    assert stored.decision.details["opinions"] == []
    assert caplog.text.count("model_unusable") == 1


async def test_check_tells_of_the_model(
    dovecot: Dovecot, dovecot_user: str, tmp_path: Path
) -> None:
    """A line for the model, and a remedy where it cannot be used."""
    table = {
        "data_dir": str(tmp_path / "data"),
        "accounts": [account(dovecot, dovecot_user)],
        "classification": {"model": "shipped-spam"},
    }
    arguments = ["check", "--config", str(written(tmp_path, table))]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert "trained model: shipped-spam, for ham, spam" in result.output
    table["classification"] = {"model": "gone.skops"}
    arguments = ["check", "--config", str(written(tmp_path, table))]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 1
    assert "FAIL trained model" in result.output
    assert "until then the rules serve alone" in result.output


async def _stored(
    dovecot: Dovecot, user: str, folder: Path, classification: ClassificationSettings
) -> MessageRecord:
    """What is stored of a message about sales that arrives while the system runs."""
    settings = settings_for(folder, [account(dovecot, user)], classification=classification)
    async with running(settings) as system:
        await system.until_seen("INBOX")
        await append(dovecot, user, message(CATEGORIES["sales"], 940).raw)
        await system.until_count("message.new", 1)
        (stored,) = await system.messages()
    return stored
