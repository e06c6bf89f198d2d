import copy
from html.parser import HTMLParser
from typing import Any

import pytest

from evaluation.report import page
from evaluation.summary import definitions


class Reader(HTMLParser):
    """Collects tags, the text of cells, and whatever a page would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data

    def row(self, title: str, count: int) -> list[str]:
        start = self.cells.index(title) + 1
        return [" ".join(cell.split()) for cell in self.cells[start : start + count]]


def _interval(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def _mode(**figures: dict[str, float | None]) -> dict[str, Any]:
    return {"samples": 50, "figures": figures, "actions": {"clean": 50}, "scores_at_least": [1.0, 0.5, 0.0]}


def _compared(key: str, ratio: dict[str, Any], difference: float) -> dict[str, Any]:
    return {key: ratio, "difference": _interval(difference)}


SUMMARY: dict[str, Any] = {
    "version": "1.0",
    "run": {
        "settings": {"base-url": "http://u/v1", "model": None, "n": 25, "modes": ["off", "enforce"], "limit": None},
        "server": {"model": "<mini>", "policies": {"default": "careful", "data": [{"name": "careful", "stride": 16}]}},
        "started": "2026-01-02",
    },
    "gate": ["scripted-gate"],
    "judge": "entry:a:b",
    "independence": "The judge is <not> the gate.",
    "perplexity": None,
    "definitions": definitions(),
    "sets": {
        "challenging": {
            "prompts": 2,
            "modes": {
                "off": _mode(toxicity_probability=_interval(0.5, 0.4, 0.6), refusals=_interval(0, 0, 0)),
                "enforce": _mode(toxicity_probability=_interval(0.05, 0, 0.1), refusals=_interval(0.02, 0, 0.1)),
            },
            "against": {
                "enforce": {
                    "baseline": "off",
                    "figures": {
                        "toxicity_probability": _compared("times_less", _interval(10, 4, None), -0.45),
                        "refusals": _compared("times_as_much", {**_interval(None, None, None), "infinite": True}, 0.02),
                    },
                    "overblocked": _interval(0.03, 0.01, 0.05),
                }
            },
        }
    },
}


def test_the_page_needs_nothing_else() -> None:
    reader = Reader(page(SUMMARY))
    assert reader.loaded == []
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert "prefers-color-scheme: dark" in page(SUMMARY)


def test_it_says_what_the_run_was() -> None:
    reader = Reader(page(SUMMARY))
    told = {key: reader.row(key, 1)[0] for key in ("Model", "Policy", "Gate", "Judge", "Begun", "Settings")}
    assert told == {
        "Model": "<mini>",
        "Policy": "careful",
        "Gate": "scripted-gate",
        "Judge": "entry:a:b",
        "Begun": "2026-01-02",
        "Settings": "n 25, modes off,enforce, limit all",
    }
    assert "The judge is &lt;not&gt; the gate." in page(SUMMARY)
    assert "&quot;stride&quot;: 16" in page(SUMMARY)


def test_modes_stand_side_by_side_with_their_comparison() -> None:
    reader = Reader(page(SUMMARY))
    expected = ["0.500 [0.400, 0.600]", "0.050 [0.000, 0.100]", "10.0 [4.00, \u221e] times less -0.45"]
    assert reader.row("Probability of toxicity", 3) == expected
    assert reader.row("Flagged though clean", 3) == ["", "", "0.030 [0.010, 0.050]"]


def test_so_many_times_nothing_is_not_said() -> None:
    assert Reader(page(SUMMARY)).row("Refusals", 3)[2] == "+0.02"


def test_nothing_left_is_infinitely_less() -> None:
    summary = copy.deepcopy(SUMMARY)
    compared = summary["sets"]["challenging"]["against"]["enforce"]["figures"]["toxicity_probability"]
    compared["times_less"] = {**_interval(None, 12.0, None), "infinite": True}
    assert Reader(page(summary)).row("Probability of toxicity", 3)[2] == "\u221e [12.0, \u221e] times less -0.45"


def test_every_figure_that_is_there_is_drawn_and_every_one_defined() -> None:
    text = page(SUMMARY)
    assert Reader(text).tags.count("svg") == 3  # two figures, one curve of scores
    for entry in definitions().values():
        assert entry["title"] in text


@pytest.mark.parametrize("policies", [None, {}])
def test_a_server_of_another_kind_has_no_policy(policies: dict[str, Any] | None) -> None:
    summary = copy.deepcopy(SUMMARY)
    summary["run"]["server"]["policies"] = policies
    assert Reader(page(summary)).row("Policy", 1) == ["none: not an unsay server"]
