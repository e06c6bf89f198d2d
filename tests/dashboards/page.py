"""docs/dashboards.md: every panel of every dashboard, with the first value that was seen on it under load."""

from dashboards.board import Board
from dashboards.panels import Panel
from tests.dashboards.seen import Seen, Value

HEAD = """# Dashboards

Grafana has three dashboards of unsay's, in `deploy/monitoring/grafana/dashboards`: compose mounts
them, and the Helm chart (`monitoring.dashboard`) makes config maps of the same files. They are
written by `make dashboards` from the code in the folder of that name at the root ([decision
45](decisions/0045-dashboards-are-code.md)); change them there.

On each of them `$instance`, `$model` and `$policy` may be chosen, several at once. Series without a
policy are of all policies together, and their panels say so; a server has one model, so choosing a
model is choosing its instances. What each metric counts, and what to do about it, is said under
[Metrics](metrics.md); what rings by itself under
[Alerts](operations.md#alerts-and-what-to-do).

**First value seen** is what a panel showed when this page was written, by the code of the
dashboards' test (`make test-monitoring`): Prometheus reads two servers, one over a scripted engine
and one before it as its upstream, while requests provoke rewinds on every rung, refusals, a scorer
that breaks, three languages and reloads. It is the first series that is not 0, and says nothing of
any model: what is written is drawn at random, and a scorer by words flags much of it. No panel may
be empty there.
"""
TABLE = "| panel | what it shows | first value seen |\n|---|---|---|"
UNITS = {"s": " s", "reqps": " requests/s", "cps": "/s", "suffix: tokens/s": " tokens/s", "percentunit": "%"}
"""What follows a number."""


def said(panel: Panel, first: Value) -> str:
    """A value as the panel shows it, with the name of its series; addresses are those of a test and mean nothing."""
    name = " ".join(word for word in first.name.split() if "127.0.0.1" not in word)
    value = f"{first.value * (100 if panel.unit == 'percentunit' else 1):.3g}{UNITS.get(panel.unit, '')}"
    return f"{name}: {value}" if name else value


def section(board: Board, seen: Seen) -> str:
    """A dashboard's part of the page."""
    lines = [f"## {board.title}", "", board.description, ""]
    for row in board.rows:
        lines += [f"### {board.title}: {row.title}", "", TABLE]
        for panel in row.panels:
            first = said(panel, seen.first(panel))
            lines.append(f"| {panel.title} | {panel.description} | {first} |")
        lines.append("")
    return "\n".join(lines)


def page(boards: tuple[Board, ...], seen: Seen) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(board, seen) for board in boards)])
