from __future__ import annotations

import re
from types import ModuleType

import pytest
from hypothesis import strategies as st

from fuzz import __main__ as command
from fuzz import coverage_guided
from fuzz.bounds import TooExpensive, bounded
from fuzz.running import Tally, run_for, run_round
from fuzz.targets import TARGETS


def broken(example: bytes) -> None:
    if b"\xff" in example:
        raise KeyError("an octet")


def target(check: object) -> ModuleType:
    """A target that is not among the real ones."""
    made = ModuleType("fuzz.made")
    made.__dict__.update(EXAMPLES=st.binary(max_size=30), check=check)
    return made


def test_a_finding_is_told_by_its_smallest_example() -> None:
    """What breaks is shrunk, and printed as lines that show it again."""
    tally = Tally(target(broken))
    run_for(tally, seconds=20)
    (reproducer,) = tally.reproducers()
    assert "KeyError" in reproducer
    assert reproducer.endswith("from fuzz.made import check\n    check(b'\\xff')")
    assert "1 findings" in tally.summary()


def test_the_same_examples_for_the_same_number() -> None:
    """A round can be run again."""
    rounds: list[list[bytes]] = [[], []]
    for seen in rounds:
        run_round(Tally(target(seen.append)), number=3, examples=20)
    assert rounds[0] == rounds[1]
    assert len(rounds[0]) == 20


def test_a_broken_strategy_is_no_finding() -> None:
    """An error of the fuzzer's own comes out as it is."""
    made = target(broken)
    made.__dict__["EXAMPLES"] = st.integers().map(lambda number: number // 0)
    with pytest.raises(ZeroDivisionError):
        run_for(Tally(made), seconds=0)


def test_a_hang_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that does not end is ended, within an expression that runs away, too."""
    monkeypatch.setattr("fuzz.bounds.MOST_SECONDS", 0.05)
    with pytest.raises(TooExpensive, match="more than"), bounded():
        re.fullmatch(r"(a+)+b", "a" * 50)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that needs too much memory is a finding."""
    peaks = iter([0, 1 << 30])
    monkeypatch.setattr("fuzz.bounds._peak", lambda: next(peaks))
    with pytest.raises(TooExpensive, match="1024 MiB"), bounded():
        pass


def test_the_command_says_what_came_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line a target, its findings below it, and a status that is 1 where there are any."""
    monkeypatch.setitem(TARGETS, "made", target(broken))
    assert command.main(["made", "--seconds", "5"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("made")
    assert lines[-1].strip() == r"check(b'\xff')"
    monkeypatch.setitem(TARGETS, "made", target(len))
    assert command.main(["made", "--seconds", "0"]) == 0
    with pytest.raises(SystemExit):
        command.main(["nothing"])


def test_without_atheris_nothing_is_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where atheris is not installed, its engine says so and that is no failure."""
    monkeypatch.setattr(command, "is_installed", lambda: False)
    assert command.main(["framing", "--engine", "atheris"]) == 0
    assert "not installed" in capsys.readouterr().out


def test_octets_are_shrunk() -> None:
    """What a finding does not need is left out."""
    shrunk = coverage_guided._shrunk(b"abc\xffdef\xfeg" * 9, lambda octets: b"\xff" in octets)
    assert shrunk == b"\xff"
