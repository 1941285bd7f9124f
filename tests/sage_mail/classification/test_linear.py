"""A model's arithmetic, its abstentions and its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from sage_imap.models.email import EmailMessage
from sage_mail.classification.linear import LinearModel
from sage_mail.pipeline.decision import Field
from tests.sage_mail.classification.samples import (
    CATEGORIES,
    SPAMMY,
    dataset,
    made,
    message,
    spam_model,
)
from tests.sage_mail.pipeline.drafts import mail


@pytest.mark.parametrize("kinds", [SPAMMY, CATEGORIES], ids=["two labels", "three labels"])
def test_probabilities_are_those_of_scikit_learn(kinds: Mapping[str, str]) -> None:
    """The arithmetic of one message agrees with the library's over the same numbers."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    data = dataset(kinds)
    counts, names = data.matrix(range(len(data)))
    labels = tuple(kinds)
    numbers = [labels.index(label) for label in data.labels]
    rarity = TfidfTransformer().fit(counts)
    theirs = CalibratedClassifierCV(
        LogisticRegression(max_iter=500), cv=StratifiedKFold(3), ensemble=False
    ).fit(rarity.transform(counts), numbers)
    fitted = theirs.calibrated_classifiers_[0]
    ours = LinearModel(
        name="parity",
        labels=labels,
        parts=data.parts,
        vocabulary=tuple(names),
        idf=rarity.idf_,
        weights=fitted.estimator.coef_,
        intercepts=fitted.estimator.intercept_,
        slopes=np.array([one.a_ for one in fitted.calibrators]),
        offsets=np.array([one.b_ for one in fitted.calibrators]),
        threshold=0.5,
    )
    expected = theirs.predict_proba(rarity.transform(counts))
    for position in range(0, len(data), 7):
        said = ours.classify_features(data.features_of(position))
        assert list(said.scores.values()) == pytest.approx(expected[position], abs=1e-9)


def test_new_mail_is_recognised() -> None:
    """Messages that were not learnt from get the label of their words."""
    model = made(spam=False).model
    for label, words in CATEGORIES.items():
        said = [model.classify(message(words, number)).category for number in range(900, 920)]
        assert said.count(label) >= 18


def test_it_abstains_below_its_threshold_and_from_what_it_does_not_know() -> None:
    """An abstention has no category, but still the confidence and the scores."""
    model = spam_model()
    sure = model.classify(message(SPAMMY["spam"], 950))
    strict = model.with_threshold(1.0).classify(message(SPAMMY["spam"], 950))
    assert (sure.category, strict.category) == ("spam", None)
    assert strict.scores == sure.scores
    unknown = model.with_threshold(0.0).classify_features(["w:xylophone"])
    assert unknown.category is None
    assert unknown.reasons == ()
    for raw in (b"", b"\x00\xff" * 40, b"Subject: x\r\n\r\n"):
        assert sum(model.classify(EmailMessage.from_bytes(raw)).scores.values()) == pytest.approx(1)


def test_reasons_name_what_decided() -> None:
    """The words that tell come first, and speak for the label that was given."""
    said = spam_model().classify(mail("Number 1", "casino lottery jackpot and the river"))
    assert said.category == "spam"
    told = {reason.rule for reason in said.reasons if reason.weight > 0}
    assert told & {"casino", "lottery", "jackpot"}
    assert {reason.target for reason in said.reasons} == {"spam"}
    assert Field.BODY in {reason.field for reason in said.reasons}
    weights = [abs(reason.weight) for reason in said.reasons]
    assert weights == sorted(weights, reverse=True)


def test_reasons_of_the_first_of_two_labels_speak_for_it() -> None:
    """The one row of two labels is read the other way round."""
    said = spam_model().classify(mail("Number 1", "the agenda, minutes and budget of the meeting"))
    assert said.category == "ham"
    strongest = said.reasons[0]
    assert (strongest.target, strongest.weight > 0) == ("ham", True)


def test_the_strongest_features_of_a_label() -> None:
    """What speaks most for a label are its words."""
    words = {feature.partition(":")[2] for feature, _ in spam_model().strongest("spam", 10)}
    assert words & set(SPAMMY["spam"].split())
    ham = {feature.partition(":")[2] for feature, _ in spam_model().strongest("ham", 10)}
    assert ham & set(SPAMMY["ham"].split())
    assert not words & ham


def test_a_name_from_a_file_is_harmless() -> None:
    """A model's name goes into logs and listings."""
    assert "\x1b" not in replace(spam_model(), name="a\x1b[2J" * 90).name
