"""The arithmetic of judging, and the report about it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from sage_mail.classification.evaluation import (
    ABSTAINED,
    Evaluation,
    Verdict,
    evaluated,
)
from sage_mail.classification.pictures import confusion_picture, reliability_picture
from sage_mail.classification.protocol import Classification
from sage_mail.classification.report import write_report
from sage_mail.errors import TrainingImpossible
from tests.sage_mail.classification.samples import made

_NAME = "<b>|&"


def _verdict(truth: str, said: str | None, spam: float, source: str = "one") -> Verdict:
    scores = {"ham": 1 - spam, "spam": spam}
    return Verdict(truth, source, Classification(said, max(scores.values()), scores))


@pytest.fixture
def evaluation() -> Evaluation:
    """Eight messages: one false alarm, one missed, one abstention."""
    return evaluated(
        [
            *[_verdict("spam", "spam", 0.95)] * 3,
            _verdict("spam", "ham", 0.25, _NAME),
            *[_verdict("ham", "ham", 0.05)] * 2,
            _verdict("ham", "spam", 0.75),
            _verdict("ham", None, 0.55),
        ]
    )


def test_scores(evaluation: Evaluation) -> None:
    """Precision is over what was said, recall over what is true, abstentions count as not found."""
    ham, spam = evaluation.scores
    assert (ham.label, ham.messages, spam.label, spam.messages) == ("ham", 4, "spam", 4)
    assert (spam.precision, spam.recall, spam.f1) == (0.75, 0.75, 0.75)
    assert ham.precision == pytest.approx(2 / 3)
    assert ham.recall == 0.5
    assert ham.f1 == pytest.approx(4 / 7)
    assert evaluation.coverage == pytest.approx(7 / 8)
    assert evaluation.accuracy == pytest.approx(5 / 7)
    assert evaluation.confusion["ham", ABSTAINED] == 1
    assert evaluation.by_source[_NAME, "spam"] == {"ham": 1}
    assert evaluation.numbers()["recall_ham"] == 0.5


def test_reliability(evaluation: Evaluation) -> None:
    """Messages of like confidence, with how often the likeliest label was right."""
    found = [(one.messages, round(one.confidence, 2), one.right) for one in evaluation.bins]
    assert found == [(1, 0.55, 0.0), (2, 0.75, 0.0), (5, 0.95, 1.0)]
    expected = (0.55 + 2 * 0.75 + 5 * 0.05) / 8
    assert evaluation.calibration_error == pytest.approx(expected)


def test_nothing_to_judge() -> None:
    """No messages give no scores and no error."""
    assert evaluated([]).numbers() == {
        "accuracy": 0.0,
        "coverage": 0.0,
        "macro_f1": 0.0,
        "calibration_error": 0.0,
    }


def test_a_report_is_a_folder(evaluation: Evaluation, tmp_path: Path) -> None:
    """A page, a text and two pictures; names from the mail do no harm in any of them."""
    page = write_report(tmp_path / "report", f"Model {_NAME}", evaluation, made(spam=True).model)
    assert page.parent.stat().st_mode & 0o777 == 0o700  # it holds words of mail
    folder = page.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "confusion.svg",
        "reliability.svg",
        "report.html",
        "report.md",
    ]
    for name in ("confusion.svg", "reliability.svg"):
        root = ElementTree.parse(folder / name).getroot()
        assert root.tag.endswith("svg")
        assert name in page.read_text("utf-8")
    html, text = page.read_text("utf-8"), (folder / "report.md").read_text("utf-8")
    assert _NAME not in html
    assert "&lt;b&gt;|&amp;" in html
    assert "| <b>\\|& | spam |" in text
    assert "casino" in text
    for told in ("Precision, recall, F1", "Confusion matrix", "Reliability", "By source"):
        assert told in text
        assert told in html


def test_the_confusion_matrix_shows_every_count(evaluation: Evaluation, tmp_path: Path) -> None:
    """A cell for each truth and each label, and one for the abstentions."""
    folder = write_report(tmp_path, "Model", evaluation).parent
    root = ElementTree.parse(folder / "confusion.svg").getroot()
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert texts == ["ham", "spam", ABSTAINED, "ham", "2", "1", "1", "spam", "1", "3", "0"]


def test_no_label_is_cut_off(evaluation: Evaluation) -> None:
    """Turned by half a right angle, the last label ends within the picture; both axes are named."""
    root = ElementTree.fromstring(confusion_picture(evaluation))
    (last,) = [one for one in root.iter() if one.text == ABSTAINED]
    right = float(last.attrib["x"]) + 0.5**0.5 * 8 * len(ABSTAINED)
    assert right <= float(root.attrib["width"])
    texts = [one.text for one in ElementTree.fromstring(reliability_picture(evaluation)).iter()]
    assert {"confidence", "share that was right"} <= set(texts)


def test_a_report_that_cannot_be_written(evaluation: Evaluation, tmp_path: Path) -> None:
    """The text names the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(TrainingImpossible, match="file cannot be written"):
        write_report(tmp_path / "file", "Model", evaluation)
