"""Making a model: learn, judge on what was held out, learn from everything, describe."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from sage_mail.classification import features
from sage_mail.classification.dataset import Dataset
from sage_mail.classification.evaluation import Evaluation, Verdict, evaluated
from sage_mail.classification.linear import LinearModel
from sage_mail.classification.manifest import Manifest
from sage_mail.classification.storing import FORMAT, dumped
from sage_mail.classification.training import Learning, learn, split

__all__ = ["Made", "make", "unseen", "verdicts"]


@dataclass(frozen=True, slots=True)
class Made:
    """A model of all messages, as octets too, with its manifest.

    ``evaluation`` is that of a model of three quarters of the clusters, on the rest.
    """

    model: LinearModel
    octets: bytes
    manifest: Manifest
    evaluation: Evaluation


def make(data: Dataset, name: str, how: Learning | None = None) -> Made:
    """A model of the labelled messages; raises TrainingImpossible where they do not suffice."""
    how = how or Learning()
    divided = split(data)
    probe = learn(data, name, how, divided.learnt)
    evaluation = evaluated(verdicts(probe, data, divided.held_out))
    model = learn(data, name, how)
    octets = dumped(model)
    manifest = Manifest(
        format=FORMAT,
        features=features.VERSION,
        name=model.name,
        labels=model.labels,
        parts=tuple(str(part) for part in model.parts),
        created=datetime.now(UTC).replace(microsecond=0),
        data=data.described(),
        held_out=evaluation.messages,
        scores=evaluation.numbers(),
        versions=_versions(),
        sha256=hashlib.sha256(octets).hexdigest(),
        size=len(octets),
    )
    return Made(model, octets, manifest, evaluation)


def verdicts(
    model: LinearModel, data: Dataset, positions: Sequence[int] | NDArray[np.intp]
) -> list[Verdict]:
    """What the model says of the messages at the positions."""
    labels, sources = data.labels, data.sources
    return [
        Verdict(labels[at], sources[at], model.classify_features(data.features_of(at)))
        for at in map(int, positions)
    ]


def unseen(model: LinearModel, data: Dataset) -> list[int]:
    """The positions of messages of whose cluster the model has learnt nothing."""
    clusters = data.clusters()
    seen = {
        cluster
        for cluster, digest in zip(clusters, data.digests(), strict=True)
        if digest in model.known
    }
    return [at for at, cluster in enumerate(clusters) if cluster not in seen]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("sage-imap", "scikit-learn", "skops", "numpy", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
