"""An evaluation as a folder: ``report.html`` to look at, ``report.md`` to keep, two pictures.

The strongest features are words of the mail that was learnt from: the folder is as private as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final

from sage_mail.classification.evaluation import ABSTAINED, Evaluation
from sage_mail.classification.features import readable
from sage_mail.classification.linear import LinearModel
from sage_mail.classification.pictures import confusion_picture, reliability_picture
from sage_mail.errors import TrainingImpossible
from sage_mail.files import make_private_folder

__all__ = ["write_report"]

_MOST_FEATURES: Final = 20
_CONFUSION: Final = "confusion.svg"
_RELIABILITY: Final = "reliability.svg"
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #cbd2d9;padding:.2em .6em}"
)


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    text: str = ""
    picture: str = ""
    rows: Sequence[Sequence[str]] = field(default_factory=tuple)


def write_report(
    folder: Path, title: str, of: Evaluation, model: LinearModel | None = None
) -> Path:
    """Write the report, with the strongest features of the model if there is one; the page's path.

    Raises:
        TrainingImpossible: the folder cannot be written to.
    """
    sections = [*_sections(of), *(_features(model) if model is not None else ())]
    page = folder / "report.html"
    try:
        make_private_folder(folder)
        for name, text in (
            (_CONFUSION, confusion_picture(of)),
            (_RELIABILITY, reliability_picture(of)),
            ("report.md", _markdown(title, sections)),
            (page.name, _html(title, sections)),
        ):
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrainingImpossible(f"{folder} cannot be written: {error.strerror}") from error
    return page


def _sections(of: Evaluation) -> list[_Section]:
    summary = (
        f"{of.messages} messages. It abstained from {1 - of.coverage:.1%} of them and was right "
        f"about {of.accuracy:.1%} of the rest. Confidence and truth differ by "
        f"{of.calibration_error:.1%} on average."
    )
    scores = [
        ("label", "messages", "precision", "recall", "F1"),
        *(
            (
                score.label,
                str(score.messages),
                f"{score.precision:.3f}",
                f"{score.recall:.3f}",
                f"{score.f1:.3f}",
            )
            for score in of.scores
        ),
    ]
    said = sorted({name for counts in of.by_source.values() for name in counts})
    said = [*(name for name in said if name != ABSTAINED), ABSTAINED]
    sources = [
        ("source", "truth", *said),
        *(
            (source, truth, *(str(counts[name]) for name in said))
            for (source, truth), counts in of.by_source.items()
        ),
    ]
    return [
        _Section("Summary", summary),
        _Section("Precision, recall, F1", "An abstention counts as not found.", rows=scores),
        _Section("Confusion matrix", "Truth by rows, what was said by columns.", _CONFUSION),
        _Section("Reliability", "The diagonal would be a perfect confidence.", _RELIABILITY),
        _Section("By source", "How often what was said.", rows=sources),
    ]


def _features(model: LinearModel) -> list[_Section]:
    rows = [("label", "features that speak most for it")]
    for label in model.labels:
        strongest = [feature for feature, _ in model.strongest(label, len(model.vocabulary))]
        # Words say more to people than the characters that they are made of.
        strongest.sort(key=lambda feature: feature.startswith("c:"))
        rows.append((label, ", ".join(map(readable, strongest[:_MOST_FEATURES]))))
    return [_Section("Strongest features", rows=rows)]


def _markdown(title: str, sections: Sequence[_Section]) -> str:
    lines = [f"# {title}"]
    for section in sections:
        lines += ["", f"## {section.title}"]
        if section.text:
            lines += ["", section.text]
        if section.picture:
            lines += ["", f"![{section.title}]({section.picture})"]
        if section.rows:
            head, *rest = section.rows
            lines += ["", _row(head), _row(["---"] * len(head)), *map(_row, rest)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _html(title: str, sections: Sequence[_Section]) -> str:
    parts = [f"<h1>{escape(title)}</h1>"]
    for section in sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        if section.text:
            parts.append(f"<p>{escape(section.text)}</p>")
        if section.picture:
            parts.append(f'<img src="{section.picture}" alt="{escape(section.title)}">')
        if section.rows:
            parts.append(_table(section.rows))
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rest]
    return f"<table>\n{chr(10).join(lines)}\n</table>"
