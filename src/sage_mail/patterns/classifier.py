"""The guide's `AIEmailClassifier`: a trained model where there is one, else the guide's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sage_imap.config import IMAPConfig
from sage_imap.models.email import EmailMessage
from sage_mail.classification.guide import GuideRules
from sage_mail.classification.opening import SHIPPED_SPAM, open_model, require_learning
from sage_mail.classification.protocol import Classification
from sage_mail.errors import ModelUnusable, TrainingImpossible
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_mail.classification.linear import LinearModel

__all__ = ["AIEmailClassifier", "RuleBasedClassifier", "TrainedClassifier"]

_log = get_logger(__name__)

_FILE: Final = "email_classifier.skops"
_MOST_CHARACTERS: Final = 200_000
_GENERAL: Final = "general"


class Predictor(Protocol):
    """What `AIEmailClassifier.classifier` has to be able to do.

    With ``predict_proba``, as scikit-learn's have it, the confidence is the largest probability.
    """

    def predict(self, texts: list[str], /) -> Sequence[str]:
        """The category of each text."""


class RuleBasedClassifier:
    """The guide's substrings; the first list of which one stands in the text decides."""

    def __init__(self) -> None:
        self._rules = GuideRules()

    def predict(self, texts: Iterable[str]) -> list[str]:
        """The category of each text."""
        return [self._rules.classify_text(text).category or _GENERAL for text in texts]


class TrainedClassifier:
    """A model of `sage_mail.classification`; where it abstains, the rules decide."""

    def __init__(self, model: LinearModel) -> None:
        self.model = model
        self._rules = GuideRules()

    def predict(self, texts: Iterable[str]) -> list[str]:
        """The category of each text."""
        return [self.classify(_message(text)).category or _GENERAL for text in texts]

    def classify(self, message: EmailMessage) -> Classification:
        """The model's category, or that of the rules where it is not sure or knows only spam."""
        said = self.model.classify(message)
        if said.category is None or (self.model.is_about_spam and said.category != "spam"):
            return self._rules.classify(message)
        return said


class AIEmailClassifier:
    """Classifies messages into the guide's eight categories.

    ``classifier`` is a trained model if ``config`` is a mapping with ``model`` (the path of a file
    of ``sage-mail classify train``, or ``"shipped-spam"``) or if there is an
    ``email_classifier.skops`` in the working directory; else one that is trained on what
    `get_training_data` returns; else the guide's rules. A model that cannot be used is told in the
    log with the reason, and the rules serve. Pickled models are never loaded: their file is a
    program.
    """

    def __init__(self, config: IMAPConfig | Mapping[str, Any]) -> None:
        self.config = config
        self.classifier: Predictor | None = None
        self.categories = [
            *("support", "sales", "marketing", "spam"),
            *("newsletter", "personal", "urgent", "general"),
        ]
        self.load_or_train_model()

    def load_or_train_model(self) -> None:
        """Set ``classifier``."""
        named = None if isinstance(self.config, IMAPConfig) else self.config.get("model")
        name = str(named) if named else _FILE
        if not named and not Path(name).exists():
            self.train_model()
            return
        try:
            model = open_model(SHIPPED_SPAM if name == SHIPPED_SPAM else Path(name))
        except ModelUnusable as error:
            _log.error("model_unusable", reason=str(error))
            self.classifier = self.create_rule_based_classifier()
        else:
            self.classifier = TrainedClassifier(model)
            _log.info("model_loaded", model=model.name)

    def train_model(self) -> None:
        """Learn from `get_training_data` and keep the model in ``email_classifier.skops``.

        Without data, or with too few of them, ``classifier`` is the rules.
        """
        training_data = self.get_training_data()
        self.classifier = self.create_rule_based_classifier()
        if not training_data:
            return
        try:
            self.classifier = TrainedClassifier(_trained(training_data, Path(_FILE)))
        except (ModelUnusable, TrainingImpossible) as error:
            _log.error("training_impossible", reason=str(error))

    def get_training_data(self) -> Sequence[tuple[str, str]]:
        """Pairs of text and category to learn from: none; to be overridden."""
        return []

    def create_rule_based_classifier(self) -> Predictor:
        """The guide's rules."""
        return RuleBasedClassifier()

    def classify_email(self, message: EmailMessage) -> dict[str, Any]:
        """``category``, ``confidence`` (0 to 1; 0.8 from the rules) and all ``categories``."""
        if isinstance(self.classifier, TrainedClassifier):
            said = self.classifier.classify(message)
            return self._result(said.category or _GENERAL, said.confidence)
        if self.classifier is None:
            self.classifier = self.create_rule_based_classifier()
        text = self.clean_text(f"{message.subject} {message.plain_body[:_MOST_CHARACTERS]}")
        category = str(self.classifier.predict([text])[0])
        confidence = 0.8
        if hasattr(self.classifier, "predict_proba"):
            confidence = float(max(self.classifier.predict_proba([text])[0]))
        return self._result(category, confidence)

    def clean_text(self, text: str) -> str:
        """The text without tags and special characters, with single spaces."""
        return GuideRules.clean_text(text)

    def _result(self, category: str, confidence: float) -> dict[str, Any]:
        return {"category": category, "confidence": confidence, "categories": self.categories}


def _message(text: str) -> EmailMessage:
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return EmailMessage.from_bytes(head + text.encode("utf-8", "replace"))


def _trained(pairs: Sequence[tuple[str, str]], path: Path) -> LinearModel:
    """A model of the words of the texts, kept at the path; raises as `make` and `save_model`."""
    require_learning()
    from sage_mail.classification.dataset import Dataset, Labelled
    from sage_mail.classification.features import Part
    from sage_mail.classification.making import make
    from sage_mail.classification.storing import save_model

    examples = (Labelled(_message(text), label, "training data") for text, label in pairs)
    made = make(Dataset.of(examples, (Part.WORDS, Part.CHARACTERS)), path.stem)
    save_model(made.model, made.manifest, made.octets, path)
    return made.model
