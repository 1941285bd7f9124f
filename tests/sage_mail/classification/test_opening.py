"""Classifiers by their names, the shipped model, and what is loaded when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sage_mail.classification.opening import (
    configured,
    open_classifier,
    open_model,
    require_learning,
    shipped_spam_path,
)
from sage_mail.classification.storing import load_model_file, save_model
from sage_mail.errors import ModelUnusable, TrainingImpossible
from sage_mail.settings import ClassificationSettings
from tests.sage_mail.classification.samples import made
from tests.sage_mail.pipeline.drafts import mail

_LICENCES = ("PDDL", "CC0", "MIT", "CC BY 4.0")
_MOST_OCTETS = 5_000_000


def test_names(tmp_path: Path) -> None:
    """Rules by their names, models by their files, each with the threshold that is asked for."""
    of = made(spam=True)
    save_model(of.model, of.manifest, of.octets, tmp_path / "m.skops")
    assert [open_classifier(name).name for name in ("rules", "guide")] == ["rules", "guide"]
    assert open_classifier(tmp_path / "m.skops").name == "test"
    assert open_model(tmp_path / "m.skops").threshold == 0.6
    assert open_model(tmp_path / "m.skops", 0.97).threshold == 0.97


def test_settings() -> None:
    """None names none, the shipped one is shipped, and its threshold can be set."""
    assert configured(ClassificationSettings()) is None
    model = configured(ClassificationSettings(model="shipped-spam", threshold=0.99))
    assert model is not None
    assert (model.name, model.threshold) == ("shipped-spam", 0.99)
    with pytest.raises(ModelUnusable, match=r"nowhere\.skops does not exist"):
        configured(ClassificationSettings(model=Path("nowhere.skops")))


def test_the_shipped_model() -> None:
    """It is small, knows spam, was made of what may be shipped only, and says so."""
    model, manifest = load_model_file(shipped_spam_path())
    assert shipped_spam_path().stat().st_size < _MOST_OCTETS
    assert model.is_about_spam
    assert all(source.licence.startswith(_LICENCES) for source in manifest.data)
    assert manifest.scores["precision_spam"] > 0.95
    spam = mail("Make money fast", "Click here to claim your free cash prize! Guaranteed money now")
    ham = mail("Re: the patch", "I have applied your patch, and wrote a test for the parser.")
    assert model.classify(spam).scores["spam"] > 0.5
    assert model.classify(ham).category == "ham"


def test_nothing_heavy_is_loaded_without_a_model() -> None:
    """A service without a trained model never pays for the libraries of one."""
    program = (
        "import sys\n"
        "import sage_mail.runtime, sage_mail.checks, sage_mail.cli.classify\n"
        "from sage_mail.settings import Settings\n"
        "sage_mail.runtime.configured_pipeline(Settings())\n"
        "heavy = {'sklearn', 'skops', 'numpy', 'scipy'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_missing_libraries_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed them learns how to."""
    monkeypatch.setattr("sage_mail.classification.opening.find_spec", lambda _name: None)
    with pytest.raises(ModelUnusable, match=r"pip install \"sage-imap\[learn\]\""):
        open_model("shipped-spam")
    with pytest.raises(TrainingImpossible, match=r"pip install \"sage-imap\[learn\]\""):
        require_learning()
