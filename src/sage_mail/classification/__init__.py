"""Classifiers of mail behind one protocol: rules, the guide's substrings, and trained models.

Nothing heavy is imported here: scikit-learn and skops only when a model is trained or opened.
"""

from __future__ import annotations

from sage_mail.classification.protocol import Classification, Classifier

__all__ = ["Classification", "Classifier"]
