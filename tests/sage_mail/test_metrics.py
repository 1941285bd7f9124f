"""What is counted and timed, and what is never shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prometheus_client import REGISTRY, generate_latest

from sage_mail.delivery.schedule import Delivered, GivenUp, RetryAt
from sage_mail.metrics import Labels, Metrics


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"sage_mail_{name}", labels)


def test_no_address_is_a_label() -> None:
    """A name that holds an address becomes a number, the same each time; any other stays."""
    labels = Labels()
    assert labels.of("account", "office") == "office"
    assert labels.of("account", "ada@example.org") == "account #1"
    assert labels.of("account", "bob@example.org") == "account #2"
    assert labels.of("account", "ada@example.org") == "account #1"
    assert labels.of("folder", "From ada@example.org") == "folder #1"
    metrics = Metrics()
    metrics.expect(["ada@example.org"], ["to@example.org"])
    metrics.committed("ada@example.org", ["support"], None)
    metrics.behind("ada@example.org", "Mail of bob@example.org", 3)
    with metrics.watching_quirks("ada@example.org", {"quirk_bare_lf": 1}):
        pass
    assert b"@" not in generate_latest(metrics.registry)


def test_each_has_a_registry_of_its_own() -> None:
    """Two systems in one process do not count for each other, and none for the whole process."""
    one, two = Metrics(), Metrics()
    one.stage_failed("classify")
    assert _value(one, "stage_errors_total", stage="classify") == 1
    assert _value(two, "stage_errors_total", stage="classify") is None
    assert b"sage_mail" not in generate_latest(REGISTRY)


def test_a_message_is_timed_to_its_commit_and_to_its_webhook() -> None:
    """Times count from the detection; of what was found without one there are none."""
    metrics = Metrics()
    detected = time.monotonic() - 0.25
    metrics.announced([7], detected)
    metrics.committed("work", ["support", "spam"], detected)
    metrics.committed("work", ["spam"], None)
    metrics.attempted("crm", 7, Delivered(), detected + 0.5)
    metrics.attempted("crm", 8, Delivered(), detected + 0.5)
    assert _value(metrics, "messages_total", account="work", category="spam") == 2
    assert _value(metrics, "detect_to_commit_seconds_count", account="work") == 2
    assert _value(metrics, "detect_to_webhook_seconds_count", endpoint="crm") == 1
    assert _value(metrics, "detect_to_webhook_seconds_sum", endpoint="crm") == 0.5
    commits = _value(metrics, "detect_to_commit_seconds_bucket", account="work", le="0.2")
    assert commits == 0


def test_attempts_count_by_their_result() -> None:
    """What was delivered, failed and was given up is told apart, from zero on."""
    metrics = Metrics()
    metrics.expect([], ["crm"])
    again = RetryAt(datetime.now(UTC))
    for verdict in (Delivered(), again, again, GivenUp("gone")):
        metrics.attempted("crm", 1, verdict, 0.0)
    found = {
        result: _value(metrics, "webhook_attempts_total", endpoint="crm", result=result)
        for result in ("delivered", "failed", "given_up")
    }
    assert found == {"delivered": 1, "failed": 2, "given_up": 1}


def test_detections_are_forgotten_in_the_end() -> None:
    """However many messages wait for an endpoint that is down, the memory for them is bounded."""
    metrics = Metrics()
    for start in range(0, 30_000, 100):
        metrics.announced(range(start, start + 100), 1.0)
    assert len(metrics._detections) == 20_000
    metrics.attempted("crm", 0, Delivered(), 2.0)
    metrics.attempted("crm", 29_999, Delivered(), 2.0)
    assert _value(metrics, "detect_to_webhook_seconds_count", endpoint="crm") == 1
