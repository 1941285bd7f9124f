"""``sage-mail classify``: train a classifier on your own mail, judge it, ask it why, correct it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sage_mail.cli.labelled import (
    CorrectionsOption,
    FoldersOption,
    MailOption,
    MostOption,
    gather,
)
from sage_mail.cli.options import ConfigOption
from sage_mail.cli.printing import printable

if TYPE_CHECKING:
    from sage_imap.models.email import EmailMessage
    from sage_mail.classification.dataset import Dataset, Labelled
    from sage_mail.classification.evaluation import Evaluation
    from sage_mail.classification.features import Part
    from sage_mail.classification.gathering import Origins
    from sage_mail.classification.linear import LinearModel
    from sage_mail.classification.protocol import Classification, Classifier
    from sage_mail.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Classifiers that learn from your own mail.", no_args_is_help=True)

_OnlySpam = Annotated[
    bool, typer.Option("--only-spam", help="Tell spam from all else: every other label is ham.")
]
_Report = Annotated[
    Path | None,
    typer.Option("--report", help="A folder for the report with its pictures.", show_default=False),
]


@app.command("train")
def train(
    to: Annotated[Path, typer.Option("--to", help="The model's file, such as mine.skops.")],
    config: ConfigOption = None,
    *,
    mail: MailOption = None,
    folder: FoldersOption = None,
    corrections: CorrectionsOption = False,
    most: MostOption = 5000,
    only_spam: _OnlySpam = False,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The confidence below which it abstains.")
    ] = 0.7,
    parts: Annotated[str, typer.Option(help="What it looks at.")] = "words,characters,headers",
    report: _Report = None,
) -> None:
    """Learn from labelled mail, and show how well that went on mail that was set aside."""
    from sage_mail.classification.opening import require_learning

    require_learning()
    from sage_mail.classification.making import make
    from sage_mail.classification.report import write_report
    from sage_mail.classification.storing import require_writable, save_model
    from sage_mail.classification.training import Learning

    require_writable(to)
    wanted = _parts(parts)
    origins = _origins(mail, folder, most, corrections=corrections)
    data = _dataset(origins, config, wanted, only_spam=only_spam)
    _show_data(data)
    made = make(data, to.stem, Learning(threshold=threshold))
    save_model(made.model, made.manifest, made.octets, to)
    _show_scores(made.evaluation)
    typer.echo(f"the model is {to}; its manifest lies beside it")
    if report is not None:
        page = write_report(report, f"Model {made.model.name}", made.evaluation, made.model)
        typer.echo(f"the report is {page}")


@app.command("evaluate")
def evaluate(
    config: ConfigOption = None,
    *,
    model: Annotated[
        str,
        typer.Option(help="rules, guide, shipped-spam, or a model's file."),
    ] = "rules",
    mail: MailOption = None,
    folder: FoldersOption = None,
    corrections: CorrectionsOption = False,
    most: MostOption = 5000,
    only_spam: _OnlySpam = False,
    report: _Report = None,
) -> None:
    """Judge rules or a model on labelled mail; what a model has learnt from is left out."""
    from sage_mail.classification.opening import GUIDE, RULES, open_classifier, open_model
    from sage_mail.classification.report import write_report

    origins = _origins(mail, folder, most, corrections=corrections)
    trained = None
    if model in (RULES, GUIDE):
        result = _judged(open_classifier(model), origins, config, only_spam=only_spam)
    else:
        trained = open_model(model)
        result = _judged_unseen(trained, origins, config, only_spam=only_spam)
    _show_scores(result)
    if report is not None:
        page = write_report(report, f"Classifier {model}", result, trained)
        typer.echo(f"the report is {page}")


@app.command("explain")
def explain(
    message: Annotated[str, typer.Argument(help="A file, or the ID of a stored message.")],
    config: ConfigOption = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            help="rules, guide, shipped-spam, or a model's file; by default that of the settings.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say what a message is, and what of it decided that."""
    from sage_mail.classification.opening import RULES, open_classifier
    from sage_mail.settings import load_settings

    settings = load_settings(config)
    threshold = None
    chosen: str | Path
    if model is not None:
        chosen = model
    elif settings.classification.model == "none":
        chosen = RULES
    else:
        chosen, threshold = settings.classification.model, settings.classification.threshold
    _show_explanation(open_classifier(chosen, threshold).classify(_message(message, settings)))


@app.command("correct")
def correct(
    message_id: Annotated[int, typer.Argument(metavar="ID")],
    category: Annotated[str, typer.Argument(help="What the message really is.")],
    config: ConfigOption = None,
) -> None:
    """Record what a stored message really is; `train --corrections` learns from it."""
    import asyncio
    from datetime import UTC, datetime

    from sage_mail.errors import SageMailError
    from sage_mail.pipeline.decision import Category
    from sage_mail.settings import load_settings
    from sage_mail.storage import Storage

    if category not in set(Category):
        raise SageMailError(f'"{category}" is no category; known are {", ".join(Category)}')
    settings = load_settings(config)

    async def record() -> tuple[bool, int]:
        storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
        try:
            async with storage.unit_of_work() as uow:
                known = await uow.corrections.record(message_id, category, datetime.now(UTC))
                count = await uow.corrections.count()
                await uow.commit()
            return known, count
        finally:
            await storage.close()

    known, count = asyncio.run(record())
    if not known:
        raise SageMailError(f"there is no message {message_id}; nothing was recorded")
    typer.echo(f"message {message_id} is {category}; {count} corrected in all")


def _parts(text: str) -> tuple[Part, ...]:
    from sage_mail.classification.features import Part
    from sage_mail.errors import TrainingImpossible

    known = {str(part): part for part in Part}
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise TrainingImpossible(f'"{unknown[0]}" is no part; known are {", ".join(known)}')
    return tuple(known[name] for name in dict.fromkeys(names))


def _origins(
    mail: list[str] | None, folders: list[str] | None, most: int, *, corrections: bool
) -> Origins:
    from sage_mail.classification.gathering import Folder, Origins

    return Origins(
        paths=tuple(mail or ()),
        folders=tuple(Folder.parsed(text) for text in folders or ()),
        corrections=corrections,
        most=most,
    )


def _dataset(
    origins: Origins, config: Path | None, parts: tuple[Part, ...], *, only_spam: bool
) -> Dataset:
    from dataclasses import replace

    from sage_mail.classification.dataset import Dataset
    from sage_mail.classification.spam_view import spam_or_ham

    data = Dataset(parts)

    def take(labelled: Labelled) -> bool:
        if only_spam:
            labelled = replace(labelled, label=spam_or_ham(labelled.label))
        return data.add(labelled)

    gather(origins, config, take)
    return data


def _judged(
    classifier: Classifier, origins: Origins, config: Path | None, *, only_spam: bool
) -> Evaluation:
    from sage_mail.classification.dataset import require_known
    from sage_mail.classification.evaluation import Verdict, evaluated
    from sage_mail.classification.spam_view import SpamView, spam_or_ham

    found: list[Verdict] = []
    judge = SpamView(classifier) if only_spam else classifier

    def take(labelled: Labelled) -> bool:
        truth = spam_or_ham(labelled.label) if only_spam else labelled.label
        found.append(Verdict(truth, labelled.source, judge.classify(labelled.message)))
        return True

    gather(origins, config, take)
    require_known([each.truth for each in found], [each.source for each in found])
    return evaluated(found)


def _judged_unseen(
    model: LinearModel, origins: Origins, config: Path | None, *, only_spam: bool
) -> Evaluation:
    from sage_mail.classification.dataset import require_known
    from sage_mail.classification.evaluation import evaluated
    from sage_mail.classification.making import unseen, verdicts
    from sage_mail.errors import TrainingImpossible

    data = _dataset(origins, config, model.parts, only_spam=only_spam or model.is_about_spam)
    require_known(data.labels, data.sources)
    positions = unseen(model, data)
    if not positions:
        raise TrainingImpossible("the model has learnt from all of this mail; give other mail")
    typer.echo(f"{len(data) - len(positions)} messages of which it has learnt are left out")
    return evaluated(verdicts(model, data, positions))


def _message(text: str, settings: Settings) -> EmailMessage:
    import asyncio

    from sage_imap.models.email import EmailMessage
    from sage_mail.classification.files import read_message
    from sage_mail.errors import SageMailError
    from sage_mail.storage import Storage

    if Path(text).exists() or not text.isdecimal():
        return read_message(Path(text))

    async def read() -> bytes:
        storage = await Storage.open(settings.database_url, blob_dir=settings.blob_dir)
        try:
            async with storage.read() as uow:
                record = await uow.messages.get(int(text))
            if record is None or not record.content_hash:
                raise SageMailError(f"there is no message {text} with its octets")
            return await storage.blobs.read(record.content_hash)
        finally:
            await storage.close()

    return EmailMessage.from_bytes(asyncio.run(read()))


def _show_data(data: Dataset) -> None:
    for source in data.described():
        typer.echo(
            f"{source.messages:>6} {source.label:<12} {printable(source.source)}"
            f" ({source.clusters} different)"
        )


def _show_scores(of: Evaluation) -> None:
    typer.echo(f"{'label':<12} {'messages':>8} {'precision':>9} {'recall':>7} {'F1':>6}")
    for score in of.scores:
        typer.echo(
            f"{score.label:<12} {score.messages:>8} {score.precision:>9.3f}"
            f" {score.recall:>7.3f} {score.f1:>6.3f}"
        )
    typer.echo(
        f"right about {of.accuracy:.1%}, abstained from {1 - of.coverage:.1%}"
        f" of {of.messages} messages that it had not seen"
    )


def _show_explanation(said: Classification) -> None:
    likeliest = max(said.scores, key=lambda label: said.scores[label], default="nothing")
    typer.echo(said.category or f"it abstains; the likeliest is {likeliest}")
    typer.echo(f"confidence {said.confidence:.3f}")
    for label, score in sorted(said.scores.items(), key=lambda item: -item[1]):
        typer.echo(f"  {label:<12} {score:.3f}")
    typer.echo("because of")
    for reason in said.reasons:
        rule = printable(reason.rule)
        typer.echo(f"  {reason.weight:>+7.3f} {reason.target:<12} {reason.field:<8} {rule}")
