"""What a fitted probe is worth, on answers that it has not seen, as the card says it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from probing.fitting import Fitted, Labelled
from probing.heads import area
from reporting.markdown import table

MISSES = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the windows measured on: how many are flagged and pass, clean and cleared, and alarm."""

    windows: int
    flagged: int
    passed: int
    clean: int
    cleared: int
    alarms: int
    false_alarms: int

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


def figures(fitted: Fitted, measured: Labelled) -> Figures:
    """Count what it does under the default policy."""
    flagged, cleared, alarmed = measured.flagged, fitted.cleared(measured), fitted.alarmed(measured)
    return Figures(
        len(flagged),
        int(flagged.sum()),
        int((cleared & flagged).sum()),
        int((~flagged).sum()),
        int((cleared & ~flagged).sum()),
        int((alarmed & flagged).sum()),
        int((alarmed & ~flagged).sum()),
    )


def blocks(fitted: Fitted, measured: Labelled) -> Iterator[str]:
    """Yield the report."""
    found = figures(fitted, measured)
    yield (
        f"Windows held out: {found.windows:,}, of which the gate flags {found.flagged:,} under the default policy.\n"
        f"{found.passed} of those pass ({_share(found.passed, found.flagged)}; at most {found.most_passed:.1%} with 95%"
        f" confidence), and {_share(found.cleared, found.clean)} of the\nclean ones are cleared. An alarm is raised by"
        f" {_share(found.alarms, found.flagged)} of the flagged ones and {_share(found.false_alarms, found.clean)} of"
        " the clean ones."
    )
    yield table(("estimate", "area under the curve"), _areas(fitted, measured))
    yield "If so many flagged windows might pass, so many clean ones would be cleared, by the highest estimate alone:"
    yield table(("flagged ones that pass", "clean ones cleared"), _curve(fitted, measured))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _areas(fitted: Fitted, measured: Labelled) -> Iterator[tuple[str, str]]:
    estimates, width = fitted.heads.estimates(measured.features), measured.leading.shape[1]
    yield "of any flag", f"{area(estimates[:, 0], measured.flagged):.3f}"
    for name, features in (("by the mean alone", slice(0, width)), ("by the last token alone", slice(width, None))):
        own = measured.features[:, features] @ fitted.heads.weights[0, features]
        yield f"of any flag, {name}", f"{area(own, measured.flagged):.3f}"
    for at, name in enumerate(measured.categories, 1):
        above = measured.odds[:, at] >= 0.0
        if above.sum() >= 10:  # fewer say nothing
            yield f"of {name} of at least one half", f"{area(estimates[:, at], above):.3f}"


def _curve(fitted: Fitted, measured: Labelled) -> Iterator[tuple[str, str]]:
    estimates, flagged = fitted.heads.estimates(measured.features)[:, 0], measured.flagged
    highest = np.sort(estimates[flagged])
    for rate in MISSES:
        if len(highest):
            cut = highest[int(rate * len(highest))]
            yield f"{rate:.1%}", f"{(estimates[~flagged] < cut).mean():.1%}"
