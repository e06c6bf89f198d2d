"""A dashboard: rows of panels under the same choices, as Grafana reads it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.panels import SOURCE, Panel, built

TAG = "unsay"
CHOICES: Mapping[str, str] = {
    "instance": "label_values(unsay_build_info, instance)",
    "model": 'label_values(unsay_build_info{instance=~"$instance"}, model)',
    "policy": 'label_values(unsay_requests_total{instance=~"$instance"}, policy)',
}
"""What may be chosen on every dashboard, several at once, and where the choices come from."""
CATEGORY = 'label_values(unsay_score_bucket{instance=~"$instance"}, category)'


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Board:
    """`uid` is in its address, and names its file. `by_category`: with a choice of one category, too."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    by_category: bool = False

    @property
    def panels(self) -> list[Panel]:
        """All of them, in order."""
        return [panel for row in self.rows for panel in row.panels]


def written(board: Board) -> str:
    """Return the dashboard as the file that Grafana reads."""
    made = _headed(board)
    number = 0
    for row in board.rows:
        number += 1
        made.with_row(builders.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            made.with_panel(built(panel).id(number))
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _headed(board: Board) -> builders.Dashboard:
    made = builders.Dashboard(f"unsay: {board.title}").uid(board.uid).description(board.description).tags([TAG])
    made.readonly().refresh("30s").time("now-3h", "now").timezone("browser").version(1)
    made.tooltip(models.DashboardCursorSync.CROSSHAIR)
    made.with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for name, query in CHOICES.items():
        made.with_variable(_choice(name, query).multi(True).include_all(True).all_value(".*").current(_all()))
    if board.by_category:
        made.with_variable(_choice("category", CATEGORY).current(_said("toxicity")))
    others = builders.DashboardLink("unsay").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return made.link(others.as_dropdown(False).include_vars(True).keep_time(True).target_blank(False))


def _choice(name: str, query: str) -> builders.QueryVariable:
    made = builders.QueryVariable(name).label(name.capitalize()).datasource(SOURCE)
    made.query({"query": query, "refId": "A"}).sort(models.VariableSort.ALPHABETICAL_ASC)
    return made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)


def _all() -> models.VariableOption:
    return models.VariableOption(text=["All"], value=["$__all"], selected=True)


def _said(word: str) -> models.VariableOption:
    return models.VariableOption(text=word, value=word, selected=True)
