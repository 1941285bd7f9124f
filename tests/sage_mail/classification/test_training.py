"""Learning, and what is set aside."""

from __future__ import annotations

import pytest

from sage_mail.classification.dataset import Dataset, Labelled
from sage_mail.classification.making import unseen, verdicts
from sage_mail.classification.training import ALL_PARTS, Learning, learn, split
from sage_mail.errors import TrainingImpossible
from tests.sage_mail.classification.samples import (
    CATEGORIES,
    SPAMMY,
    dataset,
    labelled,
    made,
    message,
    text,
)
from tests.sage_mail.pipeline.drafts import mail


def test_near_duplicates_are_on_one_side() -> None:
    """No cluster is both learnt from and judged by."""
    data = Dataset(ALL_PARTS)
    for label, words in SPAMMY.items():
        for number in range(30):
            for copy in range(3):
                body = f"{text(words, number, 80)} Yours, {['Kim', 'Lee', 'Max'][copy]}"
                data.add(Labelled(mail("Hi", body), label, "copies"))
    clusters = data.clusters()
    assert len(set(clusters)) == 60
    divided = split(data)
    learnt = {clusters[at] for at in divided.learnt}
    held_out = {clusters[at] for at in divided.held_out}
    assert not learnt & held_out
    assert 0.2 < len(held_out) / 60 < 0.3


def test_the_same_mail_makes_the_same_model() -> None:
    """Nothing in learning is left to chance."""
    one, two = (learn(dataset(SPAMMY, 20), "same", Learning()) for _ in range(2))
    assert one.vocabulary == two.vocabulary
    assert one.weights.tolist() == two.weights.tolist()
    assert one.known == two.known


def test_what_a_model_has_learnt_from_is_recognised() -> None:
    """Only other messages, and those of other clusters, are left to judge it by."""
    data = dataset(SPAMMY, 60)
    known = made(spam=True).model
    positions = unseen(known, data)
    assert len(positions) == 40
    assert all(at % 60 >= 40 for at in positions)
    assert {verdict.truth for verdict in verdicts(known, data, positions)} == {"ham", "spam"}


def test_the_manifest_tells_what_was_done() -> None:
    """Data by source and label, scores on held-out mail, versions, and the file's hash."""
    manifest = made(spam=False).manifest
    assert sum(source.messages for source in manifest.data) == 120
    assert {source.label for source in manifest.data} == set(CATEGORIES)
    assert manifest.labels == ("support", "sales", "personal")
    assert manifest.held_out == 30
    assert manifest.scores["macro_f1"] > 0.9
    assert {"python", "scikit-learn", "skops", "numpy"} <= manifest.versions.keys()


def test_a_data_set_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded however much mail there is."""
    monkeypatch.setattr("sage_mail.classification.dataset.MOST_MESSAGES", 3)
    data = dataset(SPAMMY, 5)
    assert len(data) == 3
    assert data.is_full
    assert not data.add(Labelled(message(SPAMMY["ham"], 1), "ham", "more"))


def test_too_little_mail_is_refused() -> None:
    """The text says of which label there is too little."""
    data = Dataset.of(labelled(SPAMMY, 30), ALL_PARTS)
    for _ in range(30):
        data.add(Labelled(message(CATEGORIES["sales"], 1), "sales", "copies"))
    few = Dataset.of(labelled(SPAMMY, 3), ALL_PARTS)
    with pytest.raises(TrainingImpossible, match="there are 3 different messages labelled ham"):
        split(few)
    with pytest.raises(TrainingImpossible, match='"ham" is no label'):
        learn(data, "mixed", Learning())


def test_copies_do_not_count_as_mail() -> None:
    """Thirty copies of one message are one."""
    data = dataset({"support": CATEGORIES["support"]}, 20)
    for _ in range(30):
        data.add(Labelled(message(CATEGORIES["sales"], 1), "sales", "copies"))
    with pytest.raises(TrainingImpossible, match="there are 1 different messages labelled sales"):
        split(data)


def test_one_label_is_not_enough() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(
        TrainingImpossible, match='all messages have the label "support"; give at least two'
    ):
        split(dataset({"support": CATEGORIES["support"]}, 20))


def test_nothing_in_common_is_refused() -> None:
    """A feature must be in several messages."""
    data = dataset(SPAMMY, 10)
    with pytest.raises(TrainingImpossible, match="no word stands in 1000"):
        learn(data, "rare", Learning(rarest=1000))
