"""The pipeline that the system runs unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from sage_mail.pipeline.extraction import Extractor, load_vocabulary
from sage_mail.pipeline.lexicon import load_lexicon, load_model
from sage_mail.pipeline.runner import Pipeline
from sage_mail.pipeline.stages.classify import TARGETS, Classify
from sage_mail.pipeline.stages.extract import extraction_stages
from sage_mail.pipeline.stages.prioritise import Prioritise
from sage_mail.pipeline.stages.route import Route, RoutingPolicy

__all__ = ["default_pipeline"]


def default_pipeline(
    routing: RoutingPolicy, *, word_lists: Mapping[str, str] | None = None
) -> Pipeline:
    """Classify, prioritise, route, extract.

    Reads the word lists of the package once, here; the pipeline itself does no IO. ``word_lists``
    maps names to the texts of the user's own lists, in the format of those of the package, to
    which they are added. Raises WordListError for one that is not such a list.
    """
    model = load_model()
    lexicon = load_lexicon(model, TARGETS, word_lists or {})
    extractor = Extractor(load_vocabulary(word_lists))
    deciding = (Classify(model, lexicon), Prioritise(lexicon), Route(routing))
    return Pipeline([*deciding, *extraction_stages(extractor)])
