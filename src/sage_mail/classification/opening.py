"""Finding a classifier by the name that settings and the command line give it."""

from __future__ import annotations

from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sage_mail.errors import ModelUnusable, TrainingImpossible

if TYPE_CHECKING:
    from sage_mail.classification.linear import LinearModel
    from sage_mail.classification.protocol import Classifier
    from sage_mail.settings import ClassificationSettings

__all__ = [
    "GUIDE",
    "RULES",
    "SHIPPED_SPAM",
    "configured",
    "open_classifier",
    "open_model",
    "require_learning",
    "shipped_spam_path",
]

RULES: Final = "rules"
GUIDE: Final = "guide"
SHIPPED_SPAM: Final = "shipped-spam"

_MISSING: Final = "scikit-learn and skops are not installed"
_INSTALL: Final = 'install them: pip install "sage-imap[learn]"'


def configured(settings: ClassificationSettings) -> LinearModel | None:
    """The trained model that the settings name, None where they name none.

    Raises:
        ModelUnusable: it cannot be used; the text says why, and what to do.
    """
    if settings.model == "none":
        return None
    return open_model(settings.model, settings.threshold)


def open_model(name: str | Path, threshold: float | None = None) -> LinearModel:
    """The trained model of a file, or the shipped one, by default with its own threshold.

    Raises:
        ModelUnusable: it cannot be used; the text says why, and what to do.
    """
    path = shipped_spam_path() if name == SHIPPED_SPAM else Path(name)
    if not _can_learn():
        raise ModelUnusable(path, _MISSING, _INSTALL)
    from sage_mail.classification.storing import load_model_file

    model, _ = load_model_file(path)
    return model if threshold is None else model.with_threshold(threshold)


def open_classifier(name: str | Path, threshold: float | None = None) -> Classifier:
    """The rules, the guide's rules, or a trained model; raises as `open_model` does."""
    if name == RULES:
        from sage_mail.classification.rules import SystemRules

        return SystemRules()
    if name == GUIDE:
        from sage_mail.classification.guide import GuideRules

        return GuideRules()
    return open_model(name, threshold)


def require_learning() -> None:
    """Raise TrainingImpossible, with the remedy, where the libraries for it are not installed."""
    if not _can_learn():
        raise TrainingImpossible(f"{_MISSING}; {_INSTALL}")


def shipped_spam_path() -> Path:
    """Where the package keeps its spam model."""
    return Path(str(resources.files("sage_mail.classification"))) / "models" / "spam.skops"


def _can_learn() -> bool:
    return find_spec("sklearn") is not None and find_spec("skops") is not None
