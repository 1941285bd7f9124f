from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage_imap.protocol.grammar.dates import decode_header_date, decode_internal_date


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Wed, 8 Feb 2023 19:40:11 +0530", "2023-02-08T19:40:11+05:30"),
        ("Mon, 4 Mar 2019 10:11:12 +0100 (CET)", "2019-03-04T10:11:12+01:00"),
        ("8 Feb 2023 19:40 -0000", "2023-02-08T19:40:00+00:00"),
        ("Wed, 08 Feb 23 19:40:11 GMT", "2023-02-08T19:40:11+00:00"),
        ("Wed, 08 Feb 99 19:40:11 EDT", "1999-02-08T19:40:11-04:00"),
        ("8 February 103 19:40:11 PST", "2003-02-08T19:40:11-08:00"),
        ("Wed, 8-Feb-2023 19.40.11", "2023-02-08T19:40:11+00:00"),
        ("Wed, 8 Feb 2023 19:40:60 +01:00", "2023-02-08T19:40:59+01:00"),
        ("Wed Feb  8 19:40:11 2023", "2023-02-08T19:40:11+00:00"),
        ("Wed Feb 8 19:40:11 CET 2023", "2023-02-08T19:40:11+00:00"),
        ("Wed, 8 Feb 2023 19:40:11 +9900", "2023-02-08T19:40:11+00:00"),
        ("2023-02-08T19:40:11+01:00", "2023-02-08T19:40:11+01:00"),
        ("2023-02-08 19:40:11", "2023-02-08T19:40:11+00:00"),
    ],
)
def test_header_dates(text: str, moment: str) -> None:
    """Dates as they are sent, the obsolete and the wrong forms included, are aware moments."""
    found = decode_header_date(text)
    assert found is not None
    assert found == datetime.fromisoformat(moment)
    assert found.utcoffset() == datetime.fromisoformat(moment).utcoffset()


@pytest.mark.parametrize(
    "text",
    ["", "soonish", "31 Feb 2023 00:00:00 +0000", "1 Mai 2023 00:00:00 +0000", "1 Feb 2023 " * 99],
)
def test_what_is_no_date_is_none(text: str) -> None:
    """Nothing is guessed where there is no date."""
    assert decode_header_date(text) is None


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("17-Jul-1996 02:44:25 -0700", "1996-07-17T02:44:25-07:00"),
        (" 7-JUL-1996 02:44:25 +0530", "1996-07-07T02:44:25+05:30"),
        ('"7-jul-1996 02:44:60 +0000"', "1996-07-07T02:44:59+00:00"),
    ],
)
def test_internal_dates(raw: str, moment: str) -> None:
    """An INTERNALDATE is a moment, with its day padded by a space or not at all."""
    assert decode_internal_date(raw) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "raw",
    [
        "00-Jan-0000 00:00:00 -0000",
        "14-Mai-2020 09:30:00 +0200",
        "14-May-2020 25:30:00 +0200",
        "14-May-2020 09:30.11 +0200",
        "14-May-2020",
        "",
    ],
)
def test_internal_dates_that_are_none(raw: str) -> None:
    """A date of zeros, of no month or of no hour is None."""
    assert decode_internal_date(raw) is None


@given(st.text(max_size=60))
def test_dates_never_raise(text: str) -> None:
    """Whatever stands in their place, dates do not raise."""
    decode_header_date(text)
    decode_internal_date(text)
