"""A real browser, Debian's Chromium, and tabs that notice what must not happen in them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.missing import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WATCH = """
window.seen = [];
addEventListener("DOMContentLoaded", () => {
  const look = () => window.seen.push(document.body.textContent);
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
});
"""
"""Keeps all that the page has ever held."""

Opened = Callable[..., AbstractContextManager["Page"]]
"""Opens a page at an address, as if this key had been typed in before."""


def chromium() -> str:
    """Where it is. Skips without it, and fails in CI, which has it installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        missing("Chromium is not installed (Debian: apt install chromium)")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for a file: Playwright has a loop in this thread meanwhile, beside which no test that is a coroutine runs."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: "Browser") -> Opened:
    """Opens a page; what it says to its console as an error, or asks of any other server, fails the test at its end."""

    @contextmanager
    def opened(url: str, key: str = "", **options: Any) -> Iterator["Page"]:
        context = browser.new_context(**{"color_scheme": "light", "reduced_motion": "reduce", **options})
        context.add_init_script(WATCH)
        if key:
            context.add_init_script(
                f"sessionStorage.getItem('unsay.key') ?? sessionStorage.setItem('unsay.key', '{key}')"
            )
        page, wrong = context.new_page(), list[str]()
        page.set_default_timeout(60_000)
        origin = "/".join(url.split("/")[:3])
        page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((origin, "blob:", "data:")) else wrong.append(asked.url),
        )
        page.goto(url)
        yield page
        context.close()
        assert wrong == []

    return opened


def seen(page: "Page") -> str:
    """All that a page has held so far, of whatever time."""
    return "\n".join(page.evaluate("window.seen"))


def write(page: "Page") -> None:
    """Ask for an answer, and wait for its end."""
    page.get_by_role("button", name="Write").click()
    page.get_by_text("Done.").wait_for()


def released(page: "Page") -> str:
    """What of the answer is shown as released."""
    return "".join(page.locator("#answer .released").all_text_contents())
