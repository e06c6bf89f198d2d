from collections import Counter

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.introducing import GENERATING, introduce
from server.policy.catalog import builtin
from server.telemetry.metrics import Metrics
from tests.telemetry.words import VERDICTS, WORDS, values


@pytest.fixture(scope="module")
def page() -> str:
    """The metrics of a server that has not answered anything yet."""
    registry = CollectorRegistry()
    scorer = ScriptedScorer({}, languages=frozenset({"en", "de", "no such code"}))
    introduce(Metrics(registry), builtin(), Judge(Batcher(scorer)), "tiny")
    return generate_latest(registry).decode()


@pytest.mark.parametrize(("series", "label"), WORDS)
def test_a_fresh_page_has_every_word_of_a_closed_label_and_no_other(page: str, series: str, label: str) -> None:
    assert values(page, series, label) == WORDS[series, label]


@pytest.mark.parametrize("series", ["unsay_spans_total", "unsay_prompts_total"])
def test_a_fresh_page_has_the_verdicts_that_need_no_category(page: str, series: str) -> None:
    assert values(page, series, "verdict") == VERDICTS
    assert values(page, series, "category") == {"none"}
    assert values(page, series, "policy") == set(builtin().policies)
    assert values(page, series, "model") == {"tiny"}


def test_a_fresh_page_has_the_languages_that_are_read(page: str) -> None:
    assert values(page, "unsay_languages_total", "language") == {"en", "de", "other", "unknown"}


def test_every_combination_is_there_once_with_the_value_0(page: str) -> None:
    counted = Counter(
        line.split("{")[0] for line in page.splitlines() if line.startswith("unsay_") and line[-4:] == " 0.0"
    )
    assert counted["unsay_rewinds_total"] == 9 * 3
    assert counted["unsay_requests_total"] == 7 * len(GENERATING) * len(builtin().policies)


def test_a_fresh_page_names_what_runs_here(page: str) -> None:
    assert values(page, "unsay_build_info", "scorer") == {"scripted"}
    assert values(page, "unsay_build_info", "model") == {"tiny"}
