"""Distils the screen from the classifier: `python -m training.screen --data DIR --classifier DIR --out DIR`.

Scores passages with the classifier (once: they are kept in `--cache`), learns the screen from them, finds its cuts on
texts that neither has learnt from, measures it on others, and writes weights, card, model card and SHA256SUMS. Most of
the time goes into the classifier: 10 to 15 minutes on one core, and 4 for the learning. No text is printed.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from filters.scorers.checkpoint import write_sums
from filters.scorers.grams import readable
from filters.scorers.screen import CARD, WEIGHTS, Calibration, Screen, packed, unpacked
from training.console import say
from training.distil import Plan, Weights, learn
from training.passages import Sample, samples
from training.setting import Setting
from training.teacher import Table, Teacher

# Just under round numbers: a bound must be less than a threshold that it is held against.
POINTS = (0.019, 0.049, 0.099, 0.149, 0.199, 0.249, *(round(value / 100 - 0.001, 3) for value in range(30, 95, 5)))
MISS_RATE = 0.0005  # calibrated at a quarter of the goal, which is measured on other texts
LANGUAGES = ["en"]
"""What it is calibrated in."""
MEASURED = (0.1, 0.3, 0.5, 0.7)
_AT_ONCE = 64
_CARD_HEAD = Path(__file__).with_name("screen_card.md")

CACHE = Path(gettempdir()) / "unsay-screen"

Estimates = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a screen does at one threshold, on the passages of one kind: `missed` of `flagged`, `cleared` of `clean`."""

    missed: int
    flagged: int
    cleared: int
    clean: int

    @property
    def miss_interval(self) -> tuple[float, float]:
        """The 95% interval of the share of flagged passages that are let through (Wilson 1927)."""
        return wilson(self.missed, self.flagged)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share. (0, 1) without anything to count."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5 / (1 + z * z / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def estimates(weights: Weights, calibration: Calibration, texts: Sequence[str]) -> Estimates:
    """Return what a screen estimates (texts, 1 + categories); infinite for what it does not read."""
    screen = Screen(weights, calibration, "screen")
    found = np.full((len(texts), 1 + len(calibration.categories)), np.inf, np.float32)
    kept = [index for index, text in enumerate(texts) if readable(text)]
    for at in range(0, len(kept), _AT_ONCE):
        batch = kept[at : at + _AT_ONCE]
        found[batch] = screen.estimates([texts[index] for index in batch])
    return found


def cuts(found: Estimates, scores: Table, rate: float) -> Estimates:
    """Return (1 + categories, POINTS): below a cut lie at most `rate` of the passages that score above the point."""
    wanted = np.concatenate([scores.max(axis=1, keepdims=True), scores], axis=1)
    rows = np.array(
        [
            [_cut(column[score > point], rate) for point in POINTS]
            for column, score in zip(found.T, wanted.T, strict=True)
        ]
    )
    # What exceeds a point exceeds all lower ones: a cut that says otherwise comes from too few examples.
    return np.minimum.accumulate(rows[:, ::-1], axis=1)[:, ::-1].astype(np.float32)


def _cut(found: Estimates, rate: float) -> float:
    """Return the estimate below which at most `rate` of those found lie; without any found, nothing is cleared."""
    return float(np.sort(found)[int(rate * len(found))]) if len(found) else -1e30


def measure(bounds: NDArray[np.float64], scores: Table, threshold: float) -> Figures:
    """Count at a threshold that is the same for all categories, from bounds and true scores (texts, categories)."""
    is_cleared, is_flagged = bounds.max(axis=1) < threshold, scores.max(axis=1) >= threshold
    return Figures(
        int((is_cleared & is_flagged).sum()),
        int(is_flagged.sum()),
        int((is_cleared & ~is_flagged).sum()),
        int((~is_flagged).sum()),
    )


def microseconds(screen: Screen, texts: Sequence[str], batch: int = 16, tries: int = 400) -> tuple[float, float, float]:
    """Return microseconds a passage in a batch: median, 5th and 95th percentile over different batches."""
    taken, thresholds = [], dict.fromkeys(screen.categories, 0.5)
    for number in range(tries):
        some = [texts[(number * batch + index) % len(texts)] for index in range(batch)]
        begun = perf_counter()
        screen.clear(some, [thresholds] * batch)
        taken.append((perf_counter() - begun) / batch * 1e6)
    low, middle, high = np.quantile(taken, [0.05, 0.5, 0.95])
    return float(middle), float(low), float(high)


def report(bounds: NDArray[np.float64], scores: Table, sources: Sequence[str]) -> Iterator[str]:
    """Yield tables in Markdown: by threshold over all that was measured, and by source at .5."""
    yield "| threshold | flagged by the classifier | let through | 95% interval | clean | cleared |\n|" + "---|" * 6
    for threshold in MEASURED:
        f = measure(bounds, scores, threshold)
        low, high = f.miss_interval
        missed, cleared = f.missed / max(1, f.flagged), f.cleared / max(1, f.clean)
        yield (
            f"| {threshold:g} | {f.flagged:,} | {f.missed} ({missed:.2%}) | {low:.2%} to {high:.2%} "
            f"| {f.clean:,} | {cleared:.1%} |"
        )
    yield "\n| source, at .5 | flagged | let through | clean | cleared |\n|---|---|---|---|---|"
    for source in sorted(set(sources)):
        own = np.array([each == source for each in sources])
        f = measure(bounds[own], scores[own], 0.5)
        yield f"| {source} | {f.flagged:,} | {f.missed} | {f.clean:,} | {f.cleared / max(1, f.clean):.1%} |"


def write(folder: Path, weights: Weights, calibration: Calibration, card: dict[str, object], text: str) -> None:
    """Write the folder of a screen: weights, card, README.md, and SHA256SUMS over the first two."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(packed(weights), folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # as the other files: readable not by the owner alone
    names = ("highest", *calibration.categories)
    own = {
        "categories": calibration.categories,
        "points": calibration.points,
        "cuts": {
            name: [round(float(cut), 4) for cut in row] for name, row in zip(names, calibration.cuts, strict=True)
        },
        "miss_rate": calibration.miss_rate,
    }
    (folder / CARD).write_text(json.dumps({**own, **card}, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(text, encoding="utf-8")
    write_sums(folder, (CARD, WEIGHTS))


def distil(
    found: list[Sample], teacher: Teacher, plan: Plan, start: Weights | None = None
) -> tuple[Weights, Calibration]:
    """Return the weights as they are kept, learnt from `start` on if it is given, and the calibration of just these."""
    learnt = [sample.text for sample in found if sample.part == "learn" and readable(sample.text)]
    say(f"learning from {len(learnt):,} passages")
    weights = unpacked(packed(learn(plan, learnt, teacher.scores(learnt, exact=False), start)))
    texts = [sample.text for sample in found if sample.part == "calibrate"]
    none = np.full((1 + len(teacher.categories), len(POINTS)), -1e30, np.float32)
    uncut = Calibration(teacher.categories, POINTS, none, MISS_RATE)
    rows = cuts(estimates(weights, uncut, texts), teacher.scores(texts, exact=True), MISS_RATE)
    return weights, Calibration(teacher.categories, POINTS, rows, MISS_RATE)


def measured(found: list[Sample], teacher: Teacher, weights: Weights, calibration: Calibration) -> str:
    """Return the report of the passages kept for measuring, and the speed on those of 350 characters and more."""
    kept = [sample for sample in found if sample.part == "measure"]
    texts = [sample.text for sample in kept]
    bounds = calibration.bounds(estimates(weights, calibration, texts))
    lines = list(report(bounds, teacher.scores(texts, exact=True), [sample.source for sample in kept]))
    long = [text for text in texts if len(text) >= 350]
    middle, low, high = microseconds(Screen(weights, calibration, "screen"), long)
    lines.append(
        f"\n{middle:.0f} microseconds a passage of 350 to 400 characters in a batch of 16, on one core "
        f"(the 5th to the 95th in a hundred: {low:.0f} to {high:.0f})."
    )
    return "\n".join(lines)


def blocks(setting: Setting) -> Iterator[str]:
    """Yield the report's part: the shipped screen on the passages that nothing was learnt from or calibrated on."""
    screen = Screen.load(setting.screen)
    found = [sample for sample in samples(setting.data, Plan().seed, 1.0) if sample.part == "measure"]
    yield "## Screen"
    yield measured(found, Teacher(setting.classifier, CACHE), screen.weights, screen.calibration)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with the collection of texts")
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"), help="a packed classifier")
    parser.add_argument("--written", type=Path, help="what a language model wrote: a file of training.written")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder where scores are kept")
    parser.add_argument("--share", type=float, default=1.0, help="of what is learnt from; all that is held out is used")
    parser.add_argument("--start", type=Path, help="folder of a screen to go on from, with fewer passages")
    parser.add_argument("--rate", type=float, default=Plan().rate)
    parser.add_argument("--epochs", type=int, default=Plan().epochs)
    parser.add_argument("--seed", type=int, default=Plan().seed)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    teacher = Teacher(args.classifier, args.cache)
    found = samples(args.data, args.seed, args.share, args.written)
    plan = Plan(epochs=args.epochs, rate=args.rate, seed=args.seed)
    start = Screen.load(args.start).weights if args.start else None
    weights, calibration = distil(found, teacher, plan, start)
    tables = measured(found, teacher, weights, calibration)
    card = {"plan": asdict(plan), "passages": len(found), "classifier_sha256": teacher.digest, "languages": LANGUAGES}
    write(args.out, weights, calibration, card, _CARD_HEAD.read_text(encoding="utf-8") + "\n" + tables + "\n")
    say(tables)


if __name__ == "__main__":
    main()
