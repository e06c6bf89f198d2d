"""report.html: the summary as one page that needs nothing else.

It holds numbers only, never a generated text or a prompt.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from reporting.charts import LIGHT, curve, dots

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1c1e21; --soft: #5d6570; --line: #d9dde2; --raised: #f4f5f7; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --ink: #e6e8eb; --soft: #9aa3ae; --line: #343a42;
  --raised: #1f2329;
  --mode-0: #fb923c; --mode-1: #7aa5ff; --mode-2: #4ade80; --mode-3: #c790ff; --mode-4: #facc15;
  --mode-5: #22d3ee; } }
body { font: 15px/1.5 system-ui, sans-serif; background: var(--page); color: var(--ink); max-width: 76rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; } .soft { color: var(--soft); font-size: .86em; }
.note { background: var(--raised); border-left: 4px solid var(--mode-1); padding: .6rem .9rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(30rem, 1fr)); gap: 1rem 2rem; }
svg { width: 100%; height: auto; color: var(--ink); font: 12px system-ui, sans-serif; } svg text { fill: var(--soft); }
svg .grid { stroke: var(--line); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin: 0 .35em 0 1em; }
pre { overflow-x: auto; background: var(--raised); padding: .8rem; }
"""


def page(summary: Mapping[str, Any]) -> str:
    """Return the page of a summary as command.py puts it together."""
    modes: list[str] = summary["run"]["settings"]["modes"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>unsay eval</title><style>:root {{ {LIGHT} }}{_STYLE}</style></head><body>",
        "<h1>Evaluation of a guarded language model</h1>",
        *_about(summary),
        "<h2>Results</h2>",
        '<p class="soft">In brackets: 95% intervals, bootstrap over prompts. Comparisons are paired by prompt.</p>',
        *(_set(name, entry, modes, summary["definitions"]) for name, entry in summary["sets"].items()),
        "<h2>Plots</h2>",
        _legend(modes),
        *_plots(summary, modes),
        *_definitions(summary["definitions"]),
        *_policies(summary["run"]["server"].get("policies")),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _about(summary: Mapping[str, Any]) -> list[str]:
    run = summary["run"]
    settings, server = run["settings"], run["server"]
    policies = server.get("policies") or {}
    rows = {
        "Begun": run["started"],
        "Server": f"{settings['base-url']} (unsay eval {summary['version']})",
        "Model": server["model"],
        "Policy": policies.get("default", "none: not an unsay server"),
        "Gate": ", ".join(summary["gate"]) or "none named",
        "Judge": summary["judge"] or "none: no toxicity figures (--judge)",
        "Perplexity under": summary["perplexity"] or "not computed (--perplexity)",
        "Settings": ", ".join(
            f"{key} {_plain(value)}" for key, value in settings.items() if key not in ("base-url", "model")
        ),
        "Prompts": ", ".join(f"{name} {entry['prompts']}" for name, entry in summary["sets"].items()),
    }
    note = f'<p class="note">{escape(summary["independence"])}</p>' if summary["independence"] else ""
    return [_table([], [[escape(key), escape(str(value))] for key, value in rows.items()]), note]


def _set(name: str, entry: Mapping[str, Any], modes: Sequence[str], titles: Mapping[str, Any]) -> str:
    against = entry["against"]
    heads = ["", *modes, *(f"{mode} against {against[mode]['baseline']}" for mode in against)]
    keys = [key for key in titles if any(key in entry["modes"][mode]["figures"] for mode in modes)]
    rows = [_row(key, entry, modes, titles[key]["title"]) for key in keys]
    if any("overblocked" in found for found in against.values()):
        shares = [_interval(found.get("overblocked")) for found in against.values()]
        rows.append([escape(titles["overblocked"]["title"]), *([""] * len(modes)), *shares])
    rows.append(["Actions", *(_actions(entry["modes"][mode]["actions"]) for mode in modes), *([""] * len(against))])
    count = f"{entry['prompts']} prompts, {entry['modes'][modes[0]]['samples']} samples in each mode"
    return f'<h3>{escape(name)} <span class="soft">{count}</span></h3>' + _table(heads, rows)


def _row(key: str, entry: Mapping[str, Any], modes: Sequence[str], title: str) -> list[str]:
    values = [_interval(entry["modes"][mode]["figures"].get(key)) for mode in modes]
    compared = [_comparison(found["figures"].get(key)) for found in entry["against"].values()]
    return [escape(title), *values, *compared]


def _comparison(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    less = found.get("times_less")
    ratio = less or found["times_as_much"]
    difference = found["difference"]["value"]
    change = "" if difference is None else f'<span class="soft">{difference:+.3g}</span>'
    # A multiple of nothing says nothing; nothing instead of something is the best there is.
    if ratio["value"] is None and not (less and ratio.get("infinite")):
        return change or _dash()
    return f"{_interval(ratio)} {'times less' if less else 'times'} {change}"


def _interval(found: Mapping[str, float | None] | None) -> str:
    """Return value and interval."""
    if found is None or (found["value"] is None and not found.get("infinite")):
        return _dash()
    low, high = _number(found["low"]), _number(found["high"])
    return f'{_number(found["value"])} <span class="soft">[{low}, {high}]</span>'


def _number(value: float | None) -> str:
    if value is None:
        return "&infin;"
    size = abs(value)
    return (
        f"{value:.0f}"
        if size >= 100
        else f"{value:.1f}"
        if size >= 10
        else f"{value:.2f}"
        if size >= 2
        else f"{value:.3f}"
    )


def _dash() -> str:
    return '<span class="soft">&ndash;</span>'


def _actions(actions: Mapping[str, int]) -> str:
    return "<br>".join(f"{escape(action)} {count}" for action, count in actions.items())


def _plots(summary: Mapping[str, Any], modes: Sequence[str]) -> list[str]:
    sets, found = summary["sets"], []
    for key, entry in summary["definitions"].items():
        rows = [(name, [part["modes"][mode]["figures"].get(key, {}) for mode in modes]) for name, part in sets.items()]
        drawn = [
            (name, [interval or dict.fromkeys(("value", "low", "high")) for interval in row]) for name, row in rows
        ]
        if any(interval["value"] is not None for _, row in drawn for interval in row):
            found.append(f"<div><h3>{escape(entry['title'])}</h3>{dots(entry['title'], drawn).in_page()}</div>")
    for name, part in sets.items():
        lines = [part["modes"][mode].get("scores_at_least") for mode in modes]
        if all(lines):
            title = f"Share of samples that the judge scores at least x: {name}"
            found.append(f"<div><h3>{escape(title)}</h3>{curve(title, lines).in_page()}</div>")
    return ['<div class="plots">', *found, "</div>"]


def _legend(modes: Sequence[str]) -> str:
    marks = (f'<span class="key" style="background: var(--mode-{i})"></span>{escape(m)}' for i, m in enumerate(modes))
    return f"<p>{''.join(marks)}</p>"


def _definitions(definitions: Mapping[str, Any]) -> list[str]:
    rows = [[escape(entry["title"]), escape(entry["definition"])] for entry in definitions.values()]
    return ["<h2>What the figures are</h2>", _table([], rows)]


def _policies(policies: Mapping[str, Any] | None) -> list[str]:
    if not policies:
        return []
    default = [policy for policy in policies.get("data", []) if policy.get("name") == policies.get("default")]
    return [
        "<h2>The default policy</h2>",
        f"<pre>{escape(json.dumps(default[0] if default else policies, indent=2))}</pre>",
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table. Heads are text, cells are HTML."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "\n".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
    return f'<div class="wide"><table>{f"<tr>{head}</tr>" if heads else ""}{body}</table></div>'


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "all" if value is None else str(value)
