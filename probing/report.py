"""What a fitted probe is worth, on answers that it has not seen, as the card says it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from probing.fitting import Beginnings, Fitted, Windows
from probing.heads import area
from reporting.markdown import table

MISSES = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05)
THIRDS = (("a third", 0.0, 1 / 3), ("two thirds", 1 / 3, 2 / 3), ("all", 2 / 3, 1.0))
"""At most how much of a sentence is there: more than one number, up to the other."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the windows measured on: how many are flagged and pass, and are clean and cleared."""

    windows: int
    flagged: int
    passed: int
    clean: int
    cleared: int

    @property
    def most_passed(self) -> float:
        """The upper end of the 95% interval of the share of flagged windows that pass (Wilson 1927)."""
        if not self.flagged:
            return 1.0
        z, count, share = 1.96, self.flagged, self.passed / self.flagged
        middle = (share + z * z / (2 * count)) / (1 + z * z / count)
        return float(
            middle + z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5 / (1 + z * z / count)
        )


def figures(fitted: Fitted, measured: Windows) -> Figures:
    """Count what it does under the default policy."""
    flagged, cleared = measured.flagged, fitted.cleared(measured)
    return Figures(
        len(flagged),
        int(flagged.sum()),
        int((cleared & flagged).sum()),
        int((~flagged).sum()),
        int((cleared & ~flagged).sum()),
    )


def blocks(fitted: Fitted, measured: Windows, begun: Beginnings) -> Iterator[str]:
    """Yield the report."""
    found = figures(fitted, measured)
    yield (
        f"Windows held out: {found.windows:,}, of which the gate flags {found.flagged:,} under the default policy.\n"
        f"{found.passed} of those pass ({_share(found.passed, found.flagged)}; at most {found.most_passed:.1%} with 95%"
        f" confidence), and {_share(found.cleared, found.clean)} of the\nclean ones are cleared."
    )
    yield table(("estimate", "area under the curve"), _areas(fitted, measured))
    yield "If so many flagged windows might pass, so many clean ones would be cleared, by the highest estimate alone:"
    yield table(("flagged ones that pass", "clean ones cleared"), _curve(fitted, measured))
    yield (
        f"The forecast, on {len(begun.answers):,} beginnings of sentences, of which the gate flags"
        f" {begun.flagged.sum():,} once they are over; so many of those\nraise an alarm, and of the others. Beside it"
        " is what the estimate of any flag tells by the same states:"
    )
    head = ("of the sentence is there, at most", "area under the curve", "by any flag", "alarms", "false alarms")
    yield table(head, _foresight(fitted, begun))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _foresight(fitted: Fitted, begun: Beginnings) -> Iterator[tuple[str, ...]]:
    foreseen = fitted.forecast.estimates(begun.features)[:, 0]
    present = fitted.heads.estimates(begun.features)[:, 0]
    alarmed, flagged = fitted.alarmed(begun), begun.flagged
    for name, above, most in THIRDS:
        rows = (begun.shares > above) & (begun.shares <= most)
        bad, good = rows & flagged, rows & ~flagged
        areas = (f"{area(each[rows], flagged[rows]):.3f}" for each in (foreseen, present))
        yield (
            name,
            *areas,
            _share(int(alarmed[bad].sum()), int(bad.sum())),
            _share(int(alarmed[good].sum()), int(good.sum())),
        )


def _areas(fitted: Fitted, measured: Windows) -> Iterator[tuple[str, str]]:
    estimates, width = fitted.heads.estimates(measured.features), measured.leading.shape[1]
    yield "of any flag", f"{area(estimates[:, 0], measured.flagged):.3f}"
    for name, features in (("by the mean alone", slice(0, width)), ("by the last token alone", slice(width, None))):
        own = measured.features[:, features] @ fitted.heads.weights[0, features]
        yield f"of any flag, {name}", f"{area(own, measured.flagged):.3f}"
    for at, name in enumerate(measured.categories, 1):
        above = measured.odds[:, at] >= 0.0
        if above.sum() >= 10:  # fewer say nothing
            yield f"of {name} of at least one half", f"{area(estimates[:, at], above):.3f}"


def _curve(fitted: Fitted, measured: Windows) -> Iterator[tuple[str, str]]:
    estimates, flagged = fitted.heads.estimates(measured.features)[:, 0], measured.flagged
    highest = np.sort(estimates[flagged])
    for rate in MISSES:
        if len(highest):
            cut = highest[int(rate * len(highest))]
            yield f"{rate:.1%}", f"{(estimates[~flagged] < cut).mean():.1%}"
