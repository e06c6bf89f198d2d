"""The page at /, in a real browser: what is seen of a rewind, by whom, and whether everybody can use it."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.fixtures import Opened, released, seen, write

if TYPE_CHECKING:
    from tests.browser.served import Served

pytestmark = pytest.mark.browser

FLAGGED = "blockhead"
FIRST = "he was a blockhead in the morning and then he went home to the town."
CLEAN = "he was a quiet man in the morning and then he went home to the town."
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}}


@pytest.fixture(scope="module")
def keyed() -> "Iterator[Served]":
    """A server with keys."""
    from tests.browser.served import serving

    with serving({FLAGGED: 0.9}) as served:
        yield served


@pytest.fixture
def served(keyed: "Served") -> "Iterator[Served]":
    """The server, about to insult somebody."""
    keyed.writes(FIRST, CLEAN)
    keyed.sent.clear()
    yield keyed
    keyed.scorer.release()


def test_a_rewind_is_seen_and_the_new_way_grows_in_its_place(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        write(page)
        assert released(page) == CLEAN
        struck = page.locator("#answer del")
        assert struck.count() == 1 and struck.locator(".bar").count() > 1
        before = page.locator("#answer > *").first.text_content()
        assert before == "he was a", "what was taken back stands where it stood"
        assert page.locator("#rewinds").text_content() == "1" and page.locator("#action").text_content() == "rewound"
        assert int(page.locator("#waste").text_content() or 0) > 0
        assert (
            page.locator("#scores li").count() == 1
            and page.locator("#scores .figure").text_content() == "0.00 of 0.5, was 0.90"
        )
        assert "Text was taken back." in (page.locator("#said").text_content() or "")


def test_without_the_right_nothing_of_it_reaches_the_browser(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        page.get_by_text("Serving").wait_for()
        served.sent.clear()  # of the files of the page, and of what it asks for at its start
        write(page)
        assert CLEAN in seen(page) and FLAGGED not in seen(page) and "block" not in seen(page)
    assert b": detox " in served.sent and b"block" not in served.sent


def test_what_is_held_is_seen_by_its_length_alone(served: "Served", opened: Opened) -> None:
    served.scorer.hang()
    with opened(served.url, "watcher") as page:
        page.get_by_role("button", name="Write").click()
        page.locator("#answer .cell.drafted").nth(8).wait_for()
        assert page.locator("#answer").text_content() == ""
        served.scorer.release()
        page.get_by_text("Done.").wait_for()
        assert page.locator("#answer .cell").count() == 0 and released(page) == CLEAN


def test_a_key_with_the_right_reads_what_was_taken_back(served: "Served", opened: Opened) -> None:
    with opened(served.url, "reader") as page:
        write(page)
        assert FLAGGED in (page.locator("#answer del .shown").text_content() or "")
        assert released(page) == CLEAN


def test_a_key_without_the_right_to_trace_sees_the_answer(served: "Served", opened: Opened) -> None:
    with opened(served.url, "plain") as page:
        page.get_by_text("Without the right to trace").wait_for()
        write(page)
        assert released(page) == CLEAN and page.locator("#action").text_content() == "rewound"
        assert page.locator("#rewinds").text_content() == "1" and page.locator("#released").text_content() != "0"
        assert page.locator("#answer del").count() == 0 and page.get_by_label("Beside it").is_disabled()


def test_a_chat_and_the_policy_that_was_chosen(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        page.get_by_label("Policy").select_option("strict")
        assert "of 0.3" in (page.locator("#scores").text_content() or "")
        page.get_by_label("chat", exact=True).check()
        write(page)
        assert released(page) == CLEAN and page.locator("#answer del").count() == 1
    assert b'"chat.completion.chunk"' in served.sent and b'"policy":"strict"' in served.sent


def test_a_key_that_may_loosen_sees_the_same_without_a_guard_beside_it(served: "Served", opened: Opened) -> None:
    with opened(served.url, "loose") as page:
        page.get_by_label("Beside it").check()
        write(page)
        assert page.locator("#plain").text_content() == FIRST and released(page) == CLEAN


def test_a_replay_shows_the_rewind_and_holds_no_flagged_text(served: "Served", opened: Opened, tmp_path: Path) -> None:
    file = tmp_path / "replay.json"
    with opened(served.url, "reader") as page:
        page.get_by_label("Prompt", exact=True).fill("a secret prompt")
        write(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Save replay").click()
        download.value.save_as(file)
    text = file.read_text()
    assert FLAGGED not in text and "secret" not in text
    assert [event for event in json.loads(text)["events"] if event["event"] == "rewind"]
    with opened(served.url, "plain") as page:
        page.get_by_text("Serving").wait_for()  # before that nobody listens
        page.get_by_label("Open a replay").set_input_files(file)
        page.get_by_text("Done.").wait_for()
        assert released(page) == CLEAN and page.locator("#answer del .bar").count() > 1


@pytest.mark.parametrize("text", ["{", '{"format": "other"}', '{"format": "unsay-replay-1", "events": [3]}'])
def test_a_file_that_is_no_replay_is_refused(served: "Served", opened: Opened, tmp_path: Path, text: str) -> None:
    file = tmp_path / "replay.json"
    file.write_text(text)
    with opened(served.url, "plain") as page:
        page.get_by_text("Serving").wait_for()
        page.get_by_label("Open a replay").set_input_files(file)
        page.get_by_text("this file is no").or_(page.get_by_text("this file is not JSON")).wait_for()


def test_an_answer_that_was_let_out_flagged_is_not_saved(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        page.route(
            "**/v1/completions", lambda route: route.fulfill(body=_monitored(), content_type="text/event-stream")
        )
        write(page)
        save = page.get_by_role("button", name="Save replay")
        assert save.is_disabled() and "mode monitor" in (save.get_attribute("title") or "")


def _monitored() -> str:
    choice = {"text": "any text", "finish_reason": "stop", "detox": {"mode": "monitor", "action": "clean"}}
    return f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n"


def test_the_key_is_kept_for_the_session_alone(served: "Served", opened: Opened) -> None:
    with opened(served.url, "plain") as page:
        page.get_by_text("Without the right to trace").wait_for()
        page.get_by_label("API key").fill("watcher")
        page.get_by_label("API key").press("Tab")
        page.get_by_text("Serving unsay-mini.", exact=True).wait_for()
        page.reload()
        page.get_by_text("Serving unsay-mini.", exact=True).wait_for()
        assert page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 1]


def test_nothing_is_written_before_it_is_known_what_is_served(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        asked: list[Any] = []
        page.route("**/v1/models", lambda route: asked.append(route))  # and not answered for now
        with page.expect_request("**/v1/models"):
            page.reload()
        assert page.get_by_role("button", name="Write").is_disabled()
        asked.pop().continue_()
        write(page)
        assert released(page) == CLEAN and page.locator("#answer del").count() == 1


def test_another_key_leaves_an_answer_alone_that_is_being_written(served: "Served", opened: Opened) -> None:
    served.scorer.hang()
    with opened(served.url, "watcher") as page:
        page.get_by_role("button", name="Write").click()
        page.get_by_text("Writing.").wait_for()
        with page.expect_response("**/v1/models"):
            page.get_by_label("API key").fill("reader")
            page.get_by_label("API key").press("Tab")
        page.locator("#go:enabled").wait_for()
        assert page.get_by_text("Writing.").is_visible() and page.get_by_role("button", name="Stop").is_enabled()
        served.scorer.release()
        page.get_by_text("Done.").wait_for()
        assert released(page) == CLEAN


def test_an_answer_that_gave_way_to_another_is_not_drawn_over_it(served: "Served", opened: Opened) -> None:
    served.scorer.hang()
    with opened(served.url, "watcher") as page:
        page.get_by_role("button", name="Write").click()
        page.locator("#answer .cell.drafted").nth(8).wait_for()
        page.route("**/v1/completions", lambda route: None)  # the next one is not answered
        with page.expect_request("**/v1/completions"):
            page.get_by_role("button", name="Write").click()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.locator("#answer .cell").count() == 0
        served.scorer.release()


def test_the_models_markup_is_text(served: "Served", opened: Opened) -> None:
    served.writes("<b>bold</b><script>alert(1)</script>")
    with opened(served.url, "watcher") as page:
        write(page)
        assert released(page) == "<b>bold</b><script>alert(1)</script>"
        assert page.locator("#answer b").count() == 0


def test_it_is_used_by_the_keyboard_alone(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        page.get_by_text("Serving").wait_for()
        reached = set()
        for _ in range(20):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id"))
            if "go" in reached:
                break
        assert {"prompt", "policy", "tokens", "temperature", "seed", "key", "go"} <= reached
        page.keyboard.press("Enter")
        page.get_by_text("Done.").wait_for()
        assert released(page) == CLEAN


LOOKS: dict[str, dict[str, Any]] = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": PHONE}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("key", ["watcher", "reader"])
def test_axe_finds_nothing(served: "Served", opened: Opened, look: str, key: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with opened(served.url, key, **LOOKS[look]) as page:
        write(page)
        assert page.locator("#answer del").count() == 1
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_an_answer_ends_in_a_tab_that_nobody_sees(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher") as page:
        page.get_by_text("Serving").wait_for()
        page.evaluate("window.requestAnimationFrame = () => 0")  # as a browser does: no frame is due
        write(page)
        assert released(page) == CLEAN and page.locator("#answer del").count() == 1
        page.get_by_role("button", name="Play again").click()
        page.get_by_text("A replay").wait_for()
        page.get_by_text("Done.").wait_for()
        assert released(page) == CLEAN


def test_a_phone_need_not_scroll_sideways(served: "Served", opened: Opened) -> None:
    with opened(served.url, "watcher", **PHONE) as page:
        write(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def test_the_page_of_the_api_needs_no_other_server(served: "Served", opened: Opened) -> None:
    with opened(served.url + "/docs") as page:
        page.get_by_text(version("unsay")).first.wait_for()
        page.get_by_text("/v1/moderations").first.wait_for()
        assert "unsay" in (page.locator("h1, h2").first.text_content() or "")
