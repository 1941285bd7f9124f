"""A headless Chromium, as the test command installs it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

__all__ = ["browser_page", "needs_chromium"]

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium = pytest.mark.skipif(
    _CHROMIUM is None, reason="Chromium is not installed (tools/environment.sh services does it)"
)


@asynccontextmanager
async def browser_page(*, width: int = 1100, height: int = 800) -> AsyncIterator[Page]:
    """An empty page of that size in CSS pixels."""
    async with async_playwright() as playwright:
        # The sandbox needs rights that containers do not give; all pages are our own.
        browser = await playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield await browser.new_page(viewport={"width": width, "height": height})
        finally:
            await browser.close()
