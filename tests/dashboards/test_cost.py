"""The dashboard of cost answers what it is asked."""

import re

from dashboards.cost import COST
from dashboards.panels import ALL_POLICIES


def test_what_costs_time_and_tokens_is_shown() -> None:
    queries = [query.expression for panel in COST.panels for query in panel.queries]
    asked = set(re.findall(r"unsay_\w+", "\n".join(queries)))
    timed = ("first_text_held", "held", "rewind", "scoring", "first_release")
    times = {f"unsay_{name}_seconds_bucket" for name in timed}
    assert asked >= times | {"unsay_tokens_total", "unsay_scoring_queue_depth", "unsay_scoring_batch_size_bucket"}


def test_drafted_tokens_stand_beside_the_guarded_ones() -> None:
    (panel,) = [panel for panel in COST.panels if panel.title == "Guarded against drafted tokens"]
    drafted, guarded = (query.expression for query in panel.queries)
    assert "fate=" not in drafted and 'fate="released"' in guarded


def test_nothing_here_is_by_policy_and_all_of_it_says_so() -> None:
    assert all(panel.description.endswith(ALL_POLICIES) for panel in COST.panels)
