"""The classes are those of the guide: names, parameters, defaults, attributes, keys."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import sage_mail.patterns
from sage_imap.models.email import EmailMessage
from sage_mail.classification.guide import CONFIDENCE, SUBSTRINGS
from tests.support.guide import GuideMethod, guide_class, needs_guide

_CONFIG = {"host": "localhost", "username": "ada", "password": "secret"}
# What a class is made with where the guide gives no default.
_ARGUMENTS: dict[str, dict[str, object]] = {
    "AIEmailClassifier": {"config": _CONFIG},
    "CompleteRealTimeEmailSystem": {"config": _CONFIG},
    "EmailWebhookBridge": {"config": _CONFIG, "webhook_config": {}},
    "IntelligentEmailProcessor": {"config": _CONFIG},
    "ModernEmailProcessor": {"config": _CONFIG},
    "ProductionEmailSystem": {"config": _CONFIG},
    "RealTimeEmailMonitor": {"config": _CONFIG},
}
# Attributes that hold an object of a class which there is not.
_ABSENT = {
    "ProductionEmailSystem": {
        "analytics": "EmailProcessingAnalytics",
        "db_integration": "EmailDatabaseIntegration",
        "security_processor": "SecureEmailProcessor",
    }
}


@needs_guide
@pytest.mark.parametrize("name", sage_mail.patterns.__all__)
def test_the_class_is_that_of_the_guide(name: str) -> None:
    """Everything that the guide names is there and can be called as the guide calls it."""
    ours, guide = getattr(sage_mail.patterns, name), guide_class(name)
    assert guide is not None
    for method in guide.methods.values():
        function = getattr(ours, method.name)
        assert inspect.iscoroutinefunction(function) == method.is_async, method.name
        parameters = dict(inspect.signature(function).parameters)
        del parameters["self"]
        for (wanted, default), own in zip(
            method.parameters.items(), parameters.values(), strict=False
        ):
            assert own.name == wanted, method.name
            assert default is ... or own.default == default, method.name
        beyond = list(parameters.values())[len(method.parameters) :]
        assert all(each.default is not each.empty for each in beyond), method.name
        assert len(parameters) >= len(method.parameters), method.name
    made = ours(**_ARGUMENTS.get(name, {}))
    absent = _ABSENT.get(name, {})
    missing = {attribute for attribute in guide.attributes if not hasattr(made, attribute)}
    assert missing == set(absent)
    assert not set(absent.values()) & set(sage_mail.patterns.__all__)


@needs_guide
def test_the_values_at_the_beginning() -> None:
    """What the guide's constructors set is set."""
    monitor = sage_mail.patterns.RealTimeEmailMonitor(_CONFIG)
    assert (monitor.config, monitor.is_monitoring, monitor.callbacks) == (_CONFIG, False, [])
    assert monitor.event_queue.empty()
    assert monitor.websocket_server is None
    server = sage_mail.patterns.EmailWebSocketServer()
    assert (server.host, server.port, server.clients) == ("localhost", 8765, set())
    assert server.server is None
    system = sage_mail.patterns.ProductionEmailSystem(_CONFIG)
    assert (system.config, system.is_running) == (_CONFIG, False)
    assert isinstance(system.webhook_bridge, sage_mail.patterns.EmailWebhookBridge)


def _method(owner: str, name: str) -> GuideMethod:
    guide = guide_class(owner)
    assert guide is not None
    return guide.methods[name]


@needs_guide
def test_the_values_at_the_beginning_of_the_processors() -> None:
    """Counters, categories and extractors are the guide's."""
    modern = sage_mail.patterns.ModernEmailProcessor(_CONFIG)
    assert (modern.config, modern.processed_count, modern.error_count) == (_CONFIG, 0, 0)
    begun = _method("AIEmailClassifier", "__init__").values
    classifier = sage_mail.patterns.AIEmailClassifier(_CONFIG)
    assert classifier.config == _CONFIG
    assert classifier.categories == begun["categories"]
    processor = sage_mail.patterns.IntelligentEmailProcessor(_CONFIG)
    extractors = _method("IntelligentEmailProcessor", "__init__").keys["content_extractors"]
    assert processor.content_extractors.keys() == extractors
    assert isinstance(processor.ai_classifier, sage_mail.patterns.AIEmailClassifier)


@needs_guide
def test_the_words_of_the_processors() -> None:
    """The lists by which messages are told apart, and the folders, are the guide's."""
    modern = sage_mail.patterns.ModernEmailProcessor
    for name, method in (
        ("support_indicators", "is_support_email"),
        ("order_indicators", "is_order_email"),
    ):
        wanted = _method("ModernEmailProcessor", method).values[name]
        assert list(getattr(modern, name)) == wanted
    rules = _method("AIEmailClassifier", "create_rule_based_classifier").rules
    assert [(words, category) for category, words in SUBSTRINGS.items()] == list(rules)
    routing = _method("IntelligentEmailProcessor", "route_email_by_category")
    intelligent = sage_mail.patterns.IntelligentEmailProcessor
    assert intelligent.folder_mapping == routing.values["folder_mapping"]
    default = _method("AIEmailClassifier", "classify_email").values["confidence"]
    assert default == CONFIDENCE


_HEAD = "From: Ann <ann@example.org>\r\nTo: me@example.net\r\nContent-Type: "


def _message(subject: str, body: str, kind: str = "plain") -> EmailMessage:
    head = f"Subject: {subject}\r\n{_HEAD}text/{kind}; charset=utf-8\r\n\r\n"
    return EmailMessage.from_bytes((head + body).encode())


@needs_guide
def test_the_words_of_the_extractors() -> None:
    """Each word that the guide looks for is found, with the meaning that it has there."""
    extract = sage_mail.patterns.IntelligentEmailProcessor(_CONFIG)
    levels = _method("IntelligentEmailProcessor", "extract_support_info").values
    missed = {
        (level, word)
        for level, words in dict(levels["urgency_keywords"]).items()  # type: ignore[call-overload]  # a table of the guide
        for word in words
        if extract.extract_support_info(_message("", f"This is {word}."))["urgency"] != level
    }
    assert missed == set()
    indicators = _method("IntelligentEmailProcessor", "extract_spam_info").values
    for word in list(indicators["spam_indicators"]):  # type: ignore[call-overload]  # as above
        found = extract.extract_spam_info(_message("", f"A {word} for you"))
        assert found["spam_indicator_count"] >= 1, word
    goods = _method("IntelligentEmailProcessor", "extract_sales_info").values
    for word in list(goods["product_keywords"]):  # type: ignore[call-overload]  # as above
        found = extract.extract_sales_info(_message("", f"The {word} is here."))
        assert found.get("product_related") is True, word
    tasks = _method("IntelligentEmailProcessor", "extract_urgent_info").values
    for word in list(tasks["action_keywords"]):  # type: ignore[call-overload]  # as above
        found = extract.extract_urgent_info(_message("", f"There is {word} here."))
        assert found["requires_action"] is True, word


@needs_guide
def test_the_keys_of_the_records(tmp_path: Path) -> None:
    """What is handed to the hooks, and returned, has the guide's keys and no others."""
    config = {**_CONFIG, "data_dir": tmp_path}
    seen: dict[str, Mapping[str, object]] = {}

    class Processor(sage_mail.patterns.ModernEmailProcessor):
        def create_support_ticket(self, ticket_data: Mapping[str, object]) -> None:
            seen["ticket_data"] = ticket_data

        def process_order(self, order_data: Mapping[str, object]) -> None:
            seen["order_data"] = order_data

        def store_email_analysis(
            self, message: EmailMessage, analysis: Mapping[str, object]
        ) -> None:
            seen["analysis"] = analysis

    modern = Processor(config)
    for subject in ("Help", "Your invoice", "Hello"):
        modern.handle_message(_message(subject, "Text"))
    for name, method in (
        ("ticket_data", "handle_support_email"),
        ("order_data", "handle_order_email"),
        ("analysis", "handle_general_email"),
    ):
        assert seen[name].keys() == _method("ModernEmailProcessor", method).keys[name]
    processor = sage_mail.patterns.IntelligentEmailProcessor(config)
    message = _message("Ticket #A1: order #77", "We need $5 by March 3. The product", "plain")
    result = processor.ai_classifier.classify_email(message)
    assert result.keys() == _method("AIEmailClassifier", "classify_email").returned
    processor.process_single_email_with_ai(message)
    (record,) = processor.records()
    single = _method("IntelligentEmailProcessor", "process_single_email_with_ai")
    assert record.keys() == single.keys["processing_record"]
    for name, extractor in processor.content_extractors.items():
        guide = _method("IntelligentEmailProcessor", extractor.__name__)
        assert extractor(message).keys() == guide.set_keys, name


def test_they_load_what_they_need() -> None:
    """The package loads nothing; its classes load neither console nor storage nor job engine."""
    code = (
        "import sys, sage_mail.patterns as p;"
        "assert not any(m.startswith(('sage_imap', 'websockets')) for m in sys.modules);"
        "[getattr(p, name) for name in p.__all__];"
        "assert dir(p);"
        "print([n for n in ('fastapi', 'sqlalchemy', 'dbos') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        _ = sage_mail.patterns.EmailMonitor
