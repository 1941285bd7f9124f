"""What is made from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from sage_mail.configured import configured_pipeline
from sage_mail.errors import ConfigError
from sage_mail.settings import load_settings
from tests.sage_mail.pipeline.drafts import mail


def _config(folder: Path, words: str | None) -> Path:
    if words is not None:
        (folder / "words.toml").write_text(words, "utf-8")
    config = folder / "sage-mail.toml"
    config.write_text('[words]\nextra = ["words.toml"]\n', "utf-8")
    return config


def test_the_users_words_are_used(tmp_path: Path) -> None:
    """A list beside the configuration is added to those of the package."""
    config = _config(tmp_path, '[extract.identifiers]\norder = ["tilaus"]\n')

    decision = configured_pipeline(load_settings(config)).decide(mail("Tilaus: 4711-22", "Hei"))

    assert "order" in decision.extracted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (None, "does not exist"),
        ("[extract.colours]\n", "no table extract.colours"),
        ("[extract]\n= 1", "words.toml"),
        ("[colours.text]\n", "colours"),
    ],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path: Path, words: str | None, said: str) -> None:
    """The error names the file and what is wrong with it, and nothing was started."""
    settings = load_settings(_config(tmp_path, words))

    with pytest.raises(ConfigError, match=r"words\.toml") as raised:
        configured_pipeline(settings)

    assert said in str(raised.value)
