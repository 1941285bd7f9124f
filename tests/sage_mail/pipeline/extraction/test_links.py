"""Links that are not what they seem."""

from __future__ import annotations

import pytest

from sage_mail.pipeline.extraction.facts import LinkFinding
from tests.sage_mail.pipeline.extraction.reading import EXTRACTOR, source


def _findings(href: str, shown: str) -> tuple[LinkFinding, ...]:
    facts = EXTRACTOR.spam(source("Hello", "", html=f'<a href="{href}">{shown}</a>'))
    assert facts is not None
    assert facts.url_count >= 1
    return facts.links[0].value.findings if facts.links else ()


@pytest.mark.parametrize(
    ("href", "shown", "finding"),
    [
        ("http://evil.example/x", "https://www.bank.example", LinkFinding.MISMATCH),
        ("http://evil.example/x", "www.bank.com/login", LinkFinding.MISMATCH),
        ("http://192.168.1.1/x", "here", LinkFinding.IP_HOST),
        ("http://3232235521/x", "here", LinkFinding.IP_HOST),
        ("http://0x7f000001/", "here", LinkFinding.IP_HOST),
        ("http://[::1]/", "here", LinkFinding.IP_HOST),
        ("https://bit.ly/abc", "here", LinkFinding.SHORTENER),
        ("http://раураl.com/", "here", LinkFinding.HOMOGRAPH),
        ("http://xn--80ak6aa92e.com/", "here", LinkFinding.HOMOGRAPH),
        ("http://bank.example@evil.example/", "here", LinkFinding.CREDENTIALS),
        ("https://bank.com.evil.com/x", "https://www.bank.com", LinkFinding.MISMATCH),
        ("https://evil.com/", "Log in at https://www.bank.com/login now", LinkFinding.MISMATCH),
        ("//evil.com/", "https://bank.com", LinkFinding.MISMATCH),
        ("https:evil.com", "https://bank.com", LinkFinding.MISMATCH),
        ("https:\\\\evil.com", "https://bank.com", LinkFinding.MISMATCH),
        ("ht\ntps://evil.com", "https://bank.com", LinkFinding.MISMATCH),
        ("https://evil.com", "https://b\u200bank.com", LinkFinding.MISMATCH),
        ("https://evil.com", "ｗｗｗ.bank.com", LinkFinding.MISMATCH),
        ("https://mallory.github.io", "https://alice.github.io", LinkFinding.MISMATCH),
        ("data:text/html,x", "https://bank.com", LinkFinding.MISMATCH),
        ("data:text/html,x", "here", LinkFinding.SCRIPT),
        ("javascript:alert(1)", "here", LinkFinding.SCRIPT),
        ("https://ɡoogle.com", "here", LinkFinding.HOMOGRAPH),
        ("https://googıe.com", "here", LinkFinding.HOMOGRAPH),
        ("https://ａpple.com", "here", LinkFinding.HOMOGRAPH),
        ("HTTP://10.0.0.1/", "here", LinkFinding.IP_HOST),
    ],
)
def test_a_suspicious_link_says_why(href: str, shown: str, finding: LinkFinding) -> None:
    """Another domain than shown, look-alike letters, addresses, shorteners, names before the @."""
    assert finding in _findings(href, shown)


@pytest.mark.parametrize(
    ("href", "shown"),
    [
        ("https://www.bank.example/login", "bank.example"),
        ("https://mail.bank.co.uk/", "https://www.bank.co.uk/x"),
        ("https://bank.example/", "click here"),
        ("https://müller.example/", "here"),
        ("https://xn--mller-kva.example/", "here"),
        ("https://почта.example/", "here"),
        ("https://bank.example/", "12.50"),
        ("https://bank.example/", "Read more at https://www.bank.example/news today"),
        ("https://straße.de", "here"),
        ("https://bank.example/", "see node.js and invoice.pdf"),
        ("mailto:ada@example.org", "https://example.org"),
    ],
)
def test_ordinary_links_are_left_alone(href: str, shown: str) -> None:
    """The same domain, umlauts, another script as a whole, and what is no web address."""
    facts = EXTRACTOR.spam(source("Hello", "", html=f'<a href="{href}">{shown}</a>'))

    assert facts is None or facts.links == ()


def test_counters_of_clicks_are_less_suspicious() -> None:
    """A newsletter's link leads to its counter, which names the domain shown."""
    html = '<a href="https://click.example/?to=www.shop.com">https://shop.com</a>'
    facts = EXTRACTOR.spam(source("Hello", "", html=html))

    assert facts is not None
    assert facts.links[0].confidence == 0.5


def test_links_in_plain_text_have_a_place() -> None:
    """The stop at the end of the sentence is none of theirs."""
    facts = EXTRACTOR.spam(source("Hello", "See http://10.0.0.1/x. You are a lottery winner!"))

    assert facts is not None
    assert facts.links[0].value.url == "http://10.0.0.1/x"
    assert facts.links[0].start == 4
    assert [fact.value for fact in facts.indicators] == ["lottery", "winner"]
    assert EXTRACTOR.spam(source("Hello", "Nothing.")) is None


@pytest.mark.parametrize("url", ["http://[", "http://a]b/", "https://", "http://%zz@"])
def test_what_is_no_address_raises_nothing(url: str) -> None:
    """Broken links are no links."""
    EXTRACTOR.spam(source("Hello", f"See {url} now", html=f'<a href="{url}">x</a>'))


@pytest.mark.parametrize(
    ("href", "shown", "confidence"),
    [
        ("https://bank.com.evil.com/x", "https://www.bank.com", 0.85),
        ("https://evil.com/bank.com", "https://www.bank.com", 0.5),
        ("https://bank.com/", "https://bank.com or https://shop.com", 0.5),
        ("https://evil.com/", "bank.com", 0.4),
    ],
)
def test_how_sure_a_mismatch_is(href: str, shown: str, confidence: float) -> None:
    """The domain that is shown excuses its link in a path or query alone, never in the host."""
    facts = EXTRACTOR.spam(source("Hello", "", html=f'<a href="{href}">{shown}</a>'))

    assert facts is not None
    assert [fact.confidence for fact in facts.links] == [confidence]


@pytest.mark.parametrize(
    ("text", "html", "count"),
    [
        ("", '<a href="https://shop.example/">https://shop.example/</a>', 1),
        ("See https://shop.example/", '<a href="https://shop.example/">Shop</a>', 1),
        ("See https://shop.example/ and https://other.example/", "", 2),
        ("", '<a href="https://a.example">A</a><a href="https://b.example">B</a>', 2),
        ("See HTTPS://SHOP.example/ and WWW.OTHER.example", "", 2),
    ],
)
def test_a_link_counts_once(text: str, html: str, count: int) -> None:
    """What the body shows of a link, or says again in its plain part, is no further one."""
    facts = EXTRACTOR.spam(source("Hello", text, html=html))

    assert facts is not None
    assert facts.url_count == count


def test_scripts_are_no_addresses() -> None:
    """They are told as suspicious, and not among the addresses that the mail names."""
    read = source("Hello", "", html='<a href="javascript:alert(1)">x</a>')

    assert EXTRACTOR.entities(read).urls == ()
