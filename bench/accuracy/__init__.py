"""The sections of ``docs/explanation/accuracy.md``: a module each, with a function ``section``.

``section(corpora: Path) -> str`` returns the Markdown that stands between the markers with the
module's name, ``<!-- spam:begin -->`` and ``<!-- spam:end -->`` for ``spam``.
"""
