"""The card of a version: what it was made from, what it does, and for a category of one's own its curve."""

from collections.abc import Mapping, Sequence

from learning.category import Fitted
from learning.correction import Learned
from learning.gate import Outcome
from learning.odds import logit
from reporting.markdown import table

_POINTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def curve(fitted: Fitted) -> list[list[str]]:
    """Return the rows of a category's curve: threshold, found, false alarms among counterexamples and base data."""
    rows = []
    for point in _POINTS:
        near, far = fitted.false_alarms(logit(point))
        rows.append([f"{point:.1f}", f"{fitted.found(logit(point)):.0%}", f"{near:.0%}", f"{far:.1%}"])
    return rows


def of_category(name: str, fitted: Fitted, sources: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
    """Return the card of a category."""
    counts = f"{len(fitted.examples)} examples, {len(fitted.counterexamples)} counterexamples"
    head = ["threshold", "examples found", "counterexamples flagged", "base data flagged"]
    return "\n".join(
        [
            f"# {{name}}: the category `{name}`",
            "",
            f"Fitted to {counts}. Default threshold: 0.5. Area under the curve, cross-validated: {fitted.area:.3f}.",
            "",
            table(head, curve(fitted)),
            "",
            "All figures but those of a quarter of the base data are of texts that the head had not been fitted to.",
            *_ending(sources, outcomes),
        ]
    )


def of_correction(learned: Learned, sources: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
    """Return the card of what was learned from feedback."""
    rows = [[name, str(count), str(learned.put_right[name])] for name, count in learned.counted.items()]
    return "\n".join(
        [
            "# {name}: corrections from feedback",
            "",
            table(["category", "texts that counted", "passages put right when held out"], rows),
            "",
            *said(learned),
            *_ending(sources, outcomes),
        ]
    )


def said(learned: Learned) -> list[str]:
    """Return a line for everything that did not count."""
    alone = [f"{key or 'no key'}: {count} that nobody else bears out" for key, count in learned.alone.items()]
    few = [f"{name}: nothing learned from {count} texts, too few" for name, count in learned.too_few.items()]
    return [*alone, *few]


def _ending(sources: Mapping[str, str], outcomes: Sequence[Outcome]) -> list[str]:
    files = [f"- `{name}`, sha256 {digest}" for name, digest in sources.items()]
    return ["", "Made from:", "", *files, "", "Held-out tests:", "", *(f"- {each.line()}" for each in outcomes), ""]
