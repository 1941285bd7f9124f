"""The pipeline that the system runs unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sage_mail.pipeline.extraction import Extractor, load_vocabulary
from sage_mail.pipeline.lexicon import load_lexicon, load_model
from sage_mail.pipeline.runner import Pipeline
from sage_mail.pipeline.stage import Stage
from sage_mail.pipeline.stages.classify import TARGETS, Classify
from sage_mail.pipeline.stages.consult import Consult
from sage_mail.pipeline.stages.extract import extraction_stages
from sage_mail.pipeline.stages.prioritise import Prioritise
from sage_mail.pipeline.stages.route import Route, RoutingPolicy

if TYPE_CHECKING:
    from sage_mail.classification.protocol import Classifier

__all__ = ["default_pipeline"]


def default_pipeline(
    routing: RoutingPolicy,
    *,
    word_lists: Mapping[str, str] | None = None,
    model: Classifier | None = None,
    model_decides: bool = False,
) -> Pipeline:
    """Classify, consult the trained model if there is one, prioritise, route, extract.

    Reads the word lists of the package once, here; the pipeline itself does no IO. ``word_lists``
    maps names to the texts of the user's own lists, in the format of those of the package, to
    which they are added. With ``model_decides`` the category is the model's where it is sure;
    without, its opinion is only recorded. Raises WordListError for a list that is none.
    """
    rules = load_model()
    lexicon = load_lexicon(rules, TARGETS, word_lists or {})
    extractor = Extractor(load_vocabulary(word_lists))
    consulted: list[Stage] = [] if model is None else [Consult(model, decides=model_decides)]
    deciding = [Classify(rules, lexicon), *consulted, Prioritise(lexicon), Route(routing)]
    return Pipeline([*deciding, *extraction_stages(extractor)])
