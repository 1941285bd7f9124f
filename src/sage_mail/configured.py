"""What is made from the settings: the pipeline with the user's own words."""

from __future__ import annotations

from sage_mail.errors import ConfigError
from sage_mail.pipeline import Pipeline, default_pipeline
from sage_mail.pipeline.lexicon import WordListError
from sage_mail.settings import Settings

__all__ = ["configured_pipeline"]


def configured_pipeline(settings: Settings) -> Pipeline:
    """The pipeline as the settings ask for it.

    Raises `ConfigError`, with the name of the file and the place in it, for a word list that cannot
    be used.
    """
    try:
        return default_pipeline(settings.routing, word_lists=settings.words.read())
    except WordListError as error:
        raise ConfigError(f"words: {error}; correct the list or remove it from extra") from error
