"""What is made from the settings: the pipeline with the user's own words and trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_mail.classification.opening import configured
from sage_mail.errors import ConfigError, ModelUnusable
from sage_mail.pipeline import Pipeline, default_pipeline
from sage_mail.pipeline.lexicon import WordListError
from sage_mail.settings import Settings
from sage_mail.telemetry import get_logger

if TYPE_CHECKING:
    from sage_mail.classification.protocol import Classifier

__all__ = ["configured_pipeline", "usable_model"]

_log = get_logger(__name__)


def configured_pipeline(settings: Settings, model: Classifier | None = None) -> Pipeline:
    """The pipeline as the settings ask for it, with the trained model that is handed over.

    Raises `ConfigError`, with the name of the file and the place in it, for a word list that cannot
    be used.
    """
    try:
        return default_pipeline(
            settings.routing,
            word_lists=settings.words.read(),
            model=model,
            model_decides=settings.classification.decides,
        )
    except WordListError as error:
        raise ConfigError(f"words: {error}; correct the list or remove it from extra") from error


def usable_model(settings: Settings) -> Classifier | None:
    """The trained model of the settings; None where none is named, or where it cannot be used.

    The latter is logged with its reason and remedy: the rules then serve alone. Loading takes some
    seconds.
    """
    try:
        return configured(settings.classification)
    except ModelUnusable as error:
        _log.error("model_unusable", reason=str(error))
        return None
