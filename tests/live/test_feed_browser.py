"""The feed in a real browser: the snippet resumes, and the page shows what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from sage_mail.console.app import create_app
from sage_mail.console.server import serve
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import TOKEN, append, reading, serving
from tests.sage_mail.storage.samples import event, message, place
from tests.support.browser import browser_page, needs_chromium

pytestmark = [pytest.mark.live, needs_chromium]

_SNIPPET = Path(__file__).parents[2] / "src/sage_mail/console/static/feed.js"
_FOLLOW = """([url, token, filters]) => {
    window.events = []; window.states = [];
    window.feed = new SageFeed(url, {
        token, filters, since: 0,
        onEvent: (event) => window.events.push(event.sequence),
        onState: (name, reason) => window.states.push(name + ": " + reason),
    });
}"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Storage]:
    """An open storage over an empty database."""
    opened = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path / "blobs")
    try:
        yield opened
    finally:
        await opened.close()


async def _follow(page: Page, address: str, token: str, **filters: list[str]) -> None:
    """Let the snippet follow from a page that is at home at the address."""
    await page.goto(f"{address}/nothing-here", wait_until="commit")
    await page.add_script_tag(content=_SNIPPET.read_text("utf-8") + "; window.SageFeed = SageFeed;")
    await page.evaluate(_FOLLOW, [address, token, filters])


async def _until(page: Page, condition: str) -> None:
    await page.wait_for_function(condition, timeout=20_000)


async def test_the_snippet_resumes(store: Storage) -> None:
    """In Chromium events come in order, once, and over a restart of the service."""
    async with browser_page() as page:
        async with reading(store) as feed, serving(feed) as address:
            await _follow(page, address, TOKEN)
            await append(store, {}, {})
            await _until(page, "window.events.length === 2")
        await append(store, {}, {})
        port = int(address.rpartition(":")[2])
        async with reading(store) as feed, serving(feed, port=port):
            await append(store, {})
            await _until(page, "window.events.length >= 5")
            assert await page.evaluate("window.events") == [1, 2, 3, 4, 5]
            states = await page.evaluate("window.states.filter((s) => !s.startsWith('lost: $'))")
            assert states[:2] == ["live: ", "lost: the service stops; come back and resume"]
            assert states[-1] == "live: "


async def test_the_snippet_filters_and_gives_up(store: Storage) -> None:
    """Filters are sent along; where it is refused it says why and does not try again."""
    async with browser_page() as page, reading(store) as feed, serving(feed) as address:
        await append(store, {}, {"type": "message.deleted"}, {"type": "message.moved", "data": {}})
        await _follow(page, address, TOKEN, type=["message.deleted", "message.moved"])
        await _until(page, "window.events.length === 2")
        assert await page.evaluate("window.events") == [2, 3]
        await page.evaluate("window.feed.close()")
        await _follow(page, address, "wrong")
        await _until(page, "window.states.length > 0")
        assert await page.evaluate("window.states") == ["refused: the token is missing or wrong"]


async def test_a_stream_of_the_browser_itself(store: Storage) -> None:
    """`EventSource`, which cannot send headers, follows with the token in the query."""
    async with browser_page() as page, reading(store) as feed, serving(feed) as address:
        await append(store, {})
        await page.goto(f"{address}/nothing-here", wait_until="commit")
        url = f"{address}/feed/events?since=0&token={TOKEN}"
        await page.evaluate(
            """(url) => {
                window.source = new EventSource(url);
                window.source.onmessage = (message) => { window.last = message; };
            }""",
            url,
        )
        await _until(page, "window.last && window.last.lastEventId === '1'")
        assert await page.evaluate("JSON.parse(window.last.data).type") == "message.new"


@pytest.mark.parametrize("width", [1100, 390])
async def test_the_page_shows_events(store: Storage, width: int) -> None:
    """The live page logs each event as it comes, without overflowing.

    On a desk the log is open; on a phone the mails come first and the log opens by a touch.
    """
    where = await place(store)
    async with (
        reading(store) as feed,
        serve(create_app(store, feed)) as address,
        browser_page(width=width) as page,
    ):
        await page.goto(address, wait_until="commit")
        await page.wait_for_selector("#feed.up", timeout=20_000)
        async with store.unit_of_work() as uow:
            await uow.events.append(event(await uow.messages.add(message(where))))
            await uow.commit()
        await page.wait_for_selector("#log li", state="attached", timeout=20_000)
        assert await page.is_visible("#log li") == (width > 960)
        if width <= 960:
            await page.click("#events > summary")
        await page.wait_for_selector("#mails > li .why", timeout=20_000)
        assert "message.new" in await page.inner_text("#log li")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        feed.close()
