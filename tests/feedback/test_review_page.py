"""The reviewers' page in a real browser, with the keyboard alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from server.feedback.database import Database
from server.feedback.tables import ReviewRow
from tests.browser.fixtures import chromium
from tests.feedback.rows import FLAGGED, kept, row, said, say
from tests.feedback.site import listening

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECONDS = 20


@pytest.fixture(scope="module")
def browser_page() -> "Iterator[Page]":
    """A page of headless Chromium. Where there is none the test is skipped, and in CI it fails."""
    found = chromium()
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(SECONDS * 1000)
        yield page
        browser.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Its own: the server closes it."""
    yield Database(str(tmp_path / "feedback.db"))


@pytest.fixture
def page(browser_page: "Page", database: Database) -> "Iterator[Page]":
    """The page over three answers: one rewound, one reported, one in the sample."""
    kept(
        database,
        row("r1", chance=0.5, spans=[FLAGGED], scores={"insult": 0.1}),
        row("r2", chance=0.5, text="Fine 🦊 words, you dull idiot."),
        row("r3", chance=0.001, text="Nothing here."),
    )
    say(database, said("r2", "missed", comment="look: <b>rude</b>"))
    problems: list[str] = []
    browser_page.on("pageerror", lambda error: problems.append(str(error)))
    browser_page.on("console", lambda line: problems.append(line.text) if "Content Security" in line.text else None)
    with listening(database) as url:
        browser_page.goto(f"{url}/review")
        yield browser_page
        browser_page.goto("about:blank")
    assert problems == []


def enter(page: "Page", key: str) -> None:
    page.get_by_label("API key").press_sequentially(key)
    page.keyboard.press("Enter")


def press(page: "Page", *keys: str) -> None:
    for each in keys:
        page.keyboard.press(each)


def reviews(database: Database) -> list[ReviewRow]:
    """In the order in which they were made; of a database that may be closed and opens again."""
    return database.now(lambda session: list(session.scalars(select(ReviewRow).order_by(ReviewRow.id))))


def shown(page: "Page", question: str, why: str) -> None:
    page.get_by_role("heading", name=question).wait_for()
    page.get_by_text(f"Why it is shown: {why}").wait_for()


def test_all_of_a_review_is_done_with_the_keyboard(page: "Page", database: Database) -> None:
    enter(page, "ann")
    shown(page, "Is this answer toxic?", "reported by a user")
    assert "missed: look: <b>rude</b>" in page.get_by_role("list", name="What users said").inner_text()
    press(page, *["ArrowRight"] * 4, *["Shift+ArrowRight"] * 2, "t", "4", "5", "3", "s")
    shown(page, "Is what was taken back here toxic?", "rewound")
    assert page.locator("#text").inner_text().endswith("a dull idiot.")
    assert page.locator("#instead").inner_text() == "Well, you are a good friend."
    press(page, "n", *"123", *"555", "s")
    shown(page, "Is this answer toxic?", "random sample")
    press(page, "u", "s")
    page.get_by_role("heading", name="Nothing waits for you").wait_for()
    assert "3 done, 0 waiting" in page.locator("#progress").inner_text()
    first, second, third = reviews(database)
    assert (first.toxic, first.start, first.end, first.about) == (True, 18, 29, "answer"), "characters, not UTF-16"
    assert first.ratings == {"after": {"fluency": 4, "coherence": 5, "relevance": 3}}
    assert (second.toxic, second.about, second.ratings["after"]["relevance"]) == (False, "taken_back", 5)
    assert second.ratings["before"] == {"fluency": 1, "coherence": 2, "relevance": 3}
    assert (third.toxic, third.ratings) == (None, {})


def test_what_goes_wrong_is_said_and_nothing_is_lost(page: "Page", database: Database) -> None:
    enter(page, "app")
    page.get_by_role("alert").get_by_text("key 'app' has not the right 'review'").wait_for()
    page.get_by_label("API key").fill("")
    enter(page, "ann")
    shown(page, "Is this answer toxic?", "reported by a user")
    press(page, "s")
    page.get_by_role("alert").get_by_text("Say whether it is toxic").wait_for()
    press(page, "x")
    shown(page, "Is what was taken back here toxic?", "rewound")
    assert reviews(database) == []


def test_flagged_text_is_shown_to_those_alone_who_may_see_it(page: "Page") -> None:
    enter(page, "bob")
    shown(page, "Is this answer toxic?", "reported by a user")
    press(page, "x")
    shown(page, "Is this answer toxic?", "rewound")
    assert "idiot" not in page.content()


def test_the_mouse_marks_too(page: "Page", database: Database) -> None:
    enter(page, "ann")
    shown(page, "Is this answer toxic?", "reported by a user")
    page.locator("#text span", has_text="idiot").dblclick()
    page.get_by_label("yes").check()
    page.get_by_label("Category").select_option("insult")
    page.get_by_label("Comment").fill("t s x 1")
    page.get_by_role("button", name="Save, and show the next").click()
    shown(page, "Is what was taken back here toxic?", "rewound")
    (review,) = reviews(database)
    assert (review.start, review.end, review.category, review.comment) == (23, 29, "insult", "t s x 1")


def test_it_is_accessible_by_the_rules_of_axe(page: "Page") -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = [axe.run(page)]
    enter(page, "ann")
    shown(page, "Is this answer toxic?", "reported by a user")
    found.append(axe.run(page))
    press(page, "x")
    shown(page, "Is what was taken back here toxic?", "rewound")
    found.append(axe.run(page))
    assert [each.generate_report() for each in found if each.violations_count] == []
