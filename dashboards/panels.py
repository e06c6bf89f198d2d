"""A panel: what it shows, in which unit, and the queries that it asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.queries import quantile, total

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
Kind = Literal["timeseries", "stat", "heatmap", "table"]
Unit = Literal["percentunit", "s", "short", "none", "reqps", "cps", "suffix: tokens/s"]
"""As Grafana calls them: a share, seconds, a count, a plain number, requests, events and tokens each second."""
TOKENS_A_SECOND: Unit = "suffix: tokens/s"
ALL_POLICIES = " All policies together."


@dataclass(frozen=True)
class Query:
    """PromQL, and what its series are called: a name with labels in double braces."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`width` is of a row's 24, `height` in its units of 30 pixels. A description ends with a full stop."""

    title: str
    description: str
    unit: Unit
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    width: int = 8
    height: int = 8

    @property
    def filters_policy(self) -> bool:
        """Whether the choice of policies changes what every query returns."""
        return all("$policy" in query.expression for query in self.queries)


Built = timeseries.Panel | stat.Panel | heatmap.Panel | table.Panel


def of_all_policies(panels: Sequence[Panel]) -> list[Panel]:
    """Return the panels; those that no choice of policies filters say so."""
    return [
        panel if panel.filters_policy else replace(panel, description=panel.description + ALL_POLICIES)
        for panel in panels
    ]


def number(title: str, description: str, unit: Unit, expression: str, width: int = 6) -> Panel:
    """Return a panel with one large number, and how it was lately."""
    return Panel(title, description, unit, [Query(expression)], "stat", width, 4)


def split(series: str, *by: str) -> Query:
    """Return the sum of series for each value of these labels, whose names are those values."""
    return Query(total(series, *by), " ".join(f"{{{{{label}}}}}" for label in by))


def spread(title: str, description: str, histogram: str, width: int = 8) -> Panel:
    """Return a panel with the quantiles of a histogram of seconds."""
    queries = [Query(quantile(of, histogram), f"p{round(100 * of)}") for of in (0.5, 0.95, 0.99)]
    return Panel(title, description, "s", queries, width=width)


def built(panel: Panel) -> Built:
    """Return the panel as the foundation SDK builds it."""
    made = _of_kind(panel.kind)
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    made.height(panel.height).span(panel.width)
    for reference, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(_target(panel.kind, query, reference))
    return made


def _of_kind(kind: Kind) -> Built:
    match kind:
        case "timeseries":
            return timeseries.Panel().fill_opacity(10).min(0).legend(_legend()).tooltip(_tooltip())
        case "stat":
            return stat.Panel().color_mode(models.BigValueColorMode.NONE)
        case "heatmap":
            scheme = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
            return heatmap.Panel().color(scheme).y_axis(heatmap.YAxisConfig().decimals(2)).show_y_histogram()
        case "table":
            return table.Panel()


def _legend() -> common.VizLegendOptions:
    shown = common.VizLegendOptions().show_legend(True)
    return shown.display_mode(models.LegendDisplayMode.LIST).placement(models.LegendPlacement.BOTTOM)


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(models.TooltipDisplayMode.MULTI).sort(models.SortOrder.DESCENDING)


def _target(kind: Kind, query: Query, reference: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expression).ref_id(reference).datasource(SOURCE)
    if kind == "table":
        return made.instant().format(PromQueryFormat.TABLE)
    if kind == "heatmap":
        made.format(PromQueryFormat.HEATMAP)
    return made.range().legend_format(query.legend or "__auto")
