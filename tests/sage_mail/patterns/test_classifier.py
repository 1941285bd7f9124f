"""The guide's classifier: which model serves, and what happens where none can."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.patterns import AIEmailClassifier
from sage_mail.patterns.classifier import RuleBasedClassifier, TrainedClassifier

_CONFIG = {"host": "localhost", "username": "ada", "password": "secret"}
_SPAM = (
    b"From: x <x@example.org>\r\nSubject: FREE MONEY!!! act now\r\n\r\n"
    b"Congratulations winner! Click here to claim your free money, limited time.\r\n"
)
_MAIL = b"Subject: Order 77\r\n\r\nWhat is the price?\r\n"


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, ("trapped",))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _classified(classifier: AIEmailClassifier, raw: bytes) -> tuple[str, float]:
    result = classifier.classify_email(EmailMessage.from_bytes(raw))
    return result["category"], result["confidence"]


def test_without_a_model_the_rules_serve() -> None:
    """The first list of which a word is found decides, with the guide's confidence."""
    classifier = AIEmailClassifier(_CONFIG)
    assert isinstance(classifier.classifier, RuleBasedClassifier)
    assert _classified(classifier, _MAIL) == ("sales", 0.8)
    assert classifier.clean_text("<b>Now!</b>  or\n never") == "Now or never"


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    """The guide's file is left alone, and one that is named is refused; the rules serve."""
    Path("email_classifier.pkl").write_bytes(pickle.dumps(_Trap()))
    for config in (_CONFIG, {**_CONFIG, "model": "email_classifier.pkl"}):
        classifier = AIEmailClassifier(config)
        assert _classified(classifier, _MAIL) == ("sales", 0.8)
    assert not (tmp_path / "trapped").exists()


def test_a_model_that_cannot_be_used_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The log says why and what to do, and the rules serve."""
    Path("email_classifier.skops").write_bytes(b"no model")
    classifier = AIEmailClassifier(_CONFIG)
    assert isinstance(classifier.classifier, RuleBasedClassifier)
    assert "email_classifier.manifest.json does not exist" in caplog.text


def test_the_shipped_model_knows_spam_and_leaves_the_rest_to_the_rules() -> None:
    """What is no spam gets the category of the rules."""
    classifier = AIEmailClassifier({**_CONFIG, "model": "shipped-spam"})
    assert isinstance(classifier.classifier, TrainedClassifier)
    category, confidence = _classified(classifier, _SPAM)
    assert (category, confidence > 0.8) == ("spam", True)
    assert _classified(classifier, _MAIL) == ("sales", 0.8)
    assert classifier.classifier.predict(["free money", "a bug"])[1] == "support"


class _Taught(AIEmailClassifier):
    labels = ("support", "sales")

    def get_training_data(self) -> Sequence[tuple[str, str]]:
        chance = random.Random(1)
        pairs = []
        for number in range(48):
            words = ["".join(chance.choices("abcdefghij", k=7)) for _ in range(20)]
            told = ("zebra stripes broken", "quartz crystal money")[number % 2]
            pairs.append((" ".join([*words[:10], told, *words[10:]]), self.labels[number % 2]))
        return pairs


def test_it_learns_from_what_an_override_gives() -> None:
    """The model is kept as a file without code, and the next start loads it."""
    taught = _Taught(_CONFIG)
    assert isinstance(taught.classifier, TrainedClassifier)
    zebra = b"Subject: zebra\r\n\r\nThe zebra stripes are broken and the stripes fade.\r\n"
    category, confidence = _classified(taught, zebra)
    assert (category, 0.5 < confidence <= 1.0) == ("support", True)
    loaded = AIEmailClassifier(_CONFIG)
    assert isinstance(loaded.classifier, TrainedClassifier)
    assert _classified(loaded, zebra) == pytest.approx((category, confidence))


def test_too_little_to_learn_from_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The rules serve, and no file is left."""

    class Short(_Taught):
        def get_training_data(self) -> Sequence[tuple[str, str]]:
            return super().get_training_data()[:4]

    classifier = Short(_CONFIG)
    assert isinstance(classifier.classifier, RuleBasedClassifier)
    assert "are the least" in caplog.text
    assert not list(Path.cwd().iterdir())


def test_a_classifier_of_ones_own() -> None:
    """What has ``predict`` serves, and ``predict_proba`` gives the confidence."""

    class Own:
        def predict(self, texts: list[str]) -> list[str]:
            return ["personal" for _ in texts]

        def predict_proba(self, texts: list[str]) -> list[list[float]]:
            return [[0.25, 0.75] for _ in texts]

    classifier = AIEmailClassifier(_CONFIG)
    classifier.classifier = Own()
    assert _classified(classifier, _MAIL) == ("personal", 0.75)
