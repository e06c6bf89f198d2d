"""Pictures of the page for the documentation: `make pictures`, or `python -m tests.browser.pictures FOLDER`.

An engine writes by script and a scorer flags a mild word by script, one token for each frame, so that the pictures are
the same wherever they are made, as far as fonts allow.
"""

import asyncio
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.fixtures import chromium
from tests.browser.served import Served, serving

WORD = "nincompoop"
PROMPT = "My neighbour came by this morning, and I have to say that he is"
BEGUN = " a man who means well. Last week he was a"
FIRST = f"{BEGUN} nincompoop about the hedge and told everybody in the street about it for days."
HELPED = f"{BEGUN} great help with the hedge, and after that a"
SECOND = f"{HELPED} nincompoop about the ladder, as he always is with the things of others."
LAST = f"{HELPED} good guest at tea. We talked about his garden until it was dark, and then he went home."
FRAME = 125
"""Milliseconds."""
WIDE, PHONE = {"width": 960, "height": 760}, {"width": 375, "height": 740}
MOST_BYTES = 2_000_000


class Steps:
    """Lets the engine draw as many tokens as it is given."""

    def __init__(self, served: Served) -> None:
        self._loop = served.loop
        self._tokens = asyncio.Semaphore(0)
        served.pace(self._wait)

    async def _wait(self) -> None:
        await self._tokens.acquire()

    def give(self, count: int) -> None:
        """Let it draw so many more."""
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._tokens.release)


@contextmanager
def page_of(browser: Any, served: Served, viewport: Any, scheme: str) -> Iterator[Page]:
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto(served.url)
    page.get_by_text("Serving").wait_for()
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    yield page
    context.close()


def frames(served: Served, page: Page, count: int) -> Iterator[bytes]:
    """A picture for each token that is drawn, and of how it ends."""
    steps = Steps(served)
    page.get_by_role("button", name="Write").click()
    for _ in range(count):
        steps.give(1)
        page.wait_for_timeout(FRAME)
        yield page.screenshot()
    steps.give(10_000)
    page.get_by_text("Done.").wait_for()
    yield page.screenshot()


def amid(served: Served, page: Page) -> None:
    """Stop in the middle of a rewind: something is taken back, and the new way has begun."""
    steps = Steps(served)
    page.get_by_role("button", name="Write").click()
    while page.locator("#answer del").count() == 0:
        steps.give(1)
        page.wait_for_timeout(FRAME)
    steps.give(14)
    page.wait_for_timeout(8 * FRAME)


def recording(shots: list[bytes], file: Path) -> None:
    """Write the frames as one moving picture; the last one stays for a while."""
    images = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    durations = [FRAME] * (len(images) - 1) + [2000]
    images[0].save(file, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=60, method=4)
    assert file.stat().st_size < MOST_BYTES, file.stat().st_size


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving({WORD: 0.83}, keys=None) as served, sync_playwright() as playwright:
        served.writes(FIRST, SECOND, LAST)
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name, viewport, scheme in (("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
            with page_of(browser, served, viewport, scheme) as page:
                amid(served, page)
                page.screenshot(path=folder / f"page-{name}.png", full_page=name == "phone")
        with page_of(browser, served, WIDE, "light") as page:
            recording(list(frames(served, page, 64)), folder / "page.webp")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
