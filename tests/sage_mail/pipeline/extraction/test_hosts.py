"""Addresses as browsers read them."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.hosts import (
    homograph,
    is_ip_address,
    read_target,
    registered,
    visible,
)

_SHARED = frozenset({"github.io", "web.core.windows.net"})


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "HTTPS://EVIL.example/x",
        "//evil.example/x",
        "\\\\evil.example/x",
        "/\\evil.example/x",
        "https:evil.example/x",
        "https:/evil.example/x",
        "https:\\\\evil.example/x",
        "https:////evil.example/x",
        " \x01https://evil.example/x",
        "ht\ntps://evil.ex\tample/x",
        "https://evil.example:8443/x",
        "https://evil.example:/x",
        "https://name:word@evil.example/x",
        "https://bank.example@evil.example/x",
        "https://ev%69l.example/x",
        "https://ｅｖｉｌ.example/x",
        "https://evil。example/x",
        "https://ev\u00adil.example./x",
        "https://evil.example\\x",
    ],
)
def test_the_host_is_where_browsers_go(address: str) -> None:
    """Missing and wrong slashes, white space, ports, names, widths and encodings."""
    target = read_target(address)

    assert target is not None
    assert target.host == "evil.example"
    assert not target.active


@pytest.mark.parametrize(
    "address",
    [
        "", "#top", "/path", "path?x=//evil.example", "mailto:ada@example.org", "tel:+49301234",
        "cid:1@x", "http://", "https:///", "http://[", "http://a]b/", "http://%zz@", "http://a b/",
        "http://\u2100.example", "?//evil.example",
    ],
)  # fmt: skip
def test_what_leads_to_no_host(address: str) -> None:
    """Places in the same page, other schemes, and what no browser takes."""
    assert read_target(address) is None


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", " java\nscript:x"])
def test_an_address_that_is_itself_a_page(address: str) -> None:
    """It has no host, and says so."""
    target = read_target(address)

    assert target is not None
    assert target.active
    assert target.host == ""


def test_how_an_address_is_dressed_up() -> None:
    """A name before the @, and letters of another width."""
    named, plain = read_target("https://a@b.example"), read_target("https://b.example/@c")
    wide = read_target("https://ａpple.example")

    assert named is not None
    assert named.named
    assert plain is not None
    assert not plain.named
    assert wide is not None
    assert wide.widened
    assert wide.host == "apple.example"


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.bank.example", "bank.example"),
        ("mail.bank.co.uk", "bank.co.uk"),
        ("alice.github.io", "alice.github.io"),
        ("www.alice.github.io", "alice.github.io"),
        ("github.io", "github.io"),
        ("x.a.web.core.windows.net", "a.web.core.windows.net"),
        ("localhost", "localhost"),
    ],
)
def test_the_domain_that_somebody_registered(host: str, domain: str) -> None:
    """Below endings of countries and of those who give names away, one label more."""
    assert registered(host, _SHARED) == domain


@pytest.mark.parametrize(
    ("host", "least"),
    [
        ("раураl.com", 0.9),
        ("аррӏе.com", 0.9),
        ("xn--80ak6aa92e.com", 0.9),
        ("ɡoogle.com", 0.9),
        ("googıe.com", 0.6),
        ("xn--\u00e4.com", 0.9),
        ("bank.ραy.com", 0.9),
        ("gօօgle.com", 0.9),
    ],
)
def test_letters_that_only_look_latin(host: str, least: float) -> None:
    """Other scripts, mixed or whole, phonetic letters, and what is wrongly encoded."""
    assert homograph(host) >= least


@pytest.mark.parametrize(
    "host",
    [
        "bank.example", "müller.example", "xn--mller-kva.example", "straße.de", "почта.example",
        "кремль.рф", "рост.рф", "日本語.example", "東京tokyo.example", "çağrı.com", "ελλάδα.gr",
    ],
)  # fmt: skip
def test_names_of_other_languages_are_what_they_are(host: str) -> None:
    """Umlauts, sharp s, scripts as a whole, and those that are written together."""
    assert homograph(host) == 0.0


@pytest.mark.parametrize("host", ["10.0.0.1", "::1", "2130706433", "0x7f000001", "127.1", "0x7f.1"])
def test_numbers_are_addresses(host: str) -> None:
    """In each of the ways that browsers read."""
    assert is_ip_address(host)
    assert not is_ip_address(f"{host}.example")


def test_what_is_seen_of_a_text() -> None:
    """Small letters, without what has no width, in one width."""
    assert visible("WWW.B\u200bank.example") == "www.bank.example"
    assert visible("ｗｗｗ。bank.Example") == "www.bank.example"
