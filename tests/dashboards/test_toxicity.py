"""The dashboard of toxicity answers what it is asked."""

from dashboards.toxicity import TOXICITY


def test_both_rates_are_shown_by_category_language_model_and_policy() -> None:
    titles = {panel.title for panel in TOXICITY.panels}
    for rate in ("Flag rate", "Would have been released"):
        assert {f"{rate} by {label}" for label in ("category", "language", "model", "policy")} <= titles


def test_there_is_a_heat_map_of_the_scores_of_a_chosen_category() -> None:
    (heat,) = [panel for panel in TOXICITY.panels if panel.kind == "heatmap"]
    assert TOXICITY.by_category and "$category" in heat.title and 'category="$category"' in heat.queries[0].expression


def test_rows_divide_the_panels_by_subject() -> None:
    rows = ["Now", "Would have been released", "Flag rate", "Scores", "What came of it", "Rungs"]
    assert [row.title for row in TOXICITY.rows] == rows
