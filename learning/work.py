"""One `unsay learn` from what was read to a version: made, tested, kept, and put into the shadow if it has passed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from filters.category import KNOWN_CATEGORIES, Category
from filters.scorer import ThresholdValues
from filters.scorers import versions
from filters.scorers.checkpoint import sha256
from filters.scorers.heads import Heads, nothing, with_category
from filters.scorers.state import read_state, write_state
from learning import card, category, gate
from learning.base import BUNDLED, part_of, read_base
from learning.correction import Learned, corrected
from learning.errors import LearnError
from learning.feedback import Claim, Feedback, read_feedback
from learning.gate import Outcome, Test
from learning.reader import Reader
from learning.rows import Row, read_rows

MOST_OWN = 32
"""Categories of one's own: each is a label's value in the metrics."""
_HELD_OUT = 4
"""One reviewed text in so many is not learned from: the gate of tests looks at it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where is learned: the folder, the thresholds that hold, and what the candidate is tested on."""

    folder: Path
    thresholds: ThresholdValues
    gates: Sequence[Path] = ()
    share: float = 0.1


@dataclass
class Made:
    """A version, what it did in the tests, and lines of its report."""

    name: str
    heads: Heads
    outcomes: list[Outcome]
    said: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it has failed no test."""
        return all(outcome.passed for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was learned, before it is kept: the heads, its kind, files it came from, its tests, lines, and its card."""

    heads: Heads
    kind: str
    files: Sequence[Path]
    tests: Sequence[Test]
    said: Sequence[str]
    card: Callable[[Mapping[str, str], Sequence[Outcome]], str]


def learn_category(reader: Reader, place: Place, name: Category, data: Path) -> Made:
    """Learn a category from a file of texts. LearnError if that cannot be learned from."""
    before = latest(reader, place.folder)
    _check_name(reader, before, name)
    rows, base = read_rows(data), read_base([])
    category.check(data, rows)
    fitted = category.fit(reader, before, rows, base)
    near, far = fitted.false_alarms()
    line = (
        f"{name}: {fitted.found():.0%} of the examples found at .5, {near:.0%} of the counterexamples and {far:.1%} of"
        f" the base data flagged; area {fitted.area:.3f} (cross-validated)"
    )
    heads = with_category(before, name, fitted.head.weight, fitted.head.bias, reader.base)
    tests = [Test("base data", base.tested), *_given(place)]

    def of(sources: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
        return card.of_category(name, fitted, sources, outcomes)

    return _kept(reader, place, before, _Made(heads, f"category {name}", [BUNDLED, data], tests, [line], of))


def learn_feedback(reader: Reader, place: Place, export: Path, data: Sequence[Path] = ()) -> Made:
    """Learn corrections from an export of feedback. LearnError if nothing can be learned from it."""
    before = latest(reader, place.folder)
    feedback, base = read_feedback(export, reader.categories(before)), read_base(data)
    learned_from, held_out = _split(feedback)
    learned = corrected(reader, before, learned_from, base, place.thresholds)
    said = [*_counted(learned), *(f"left out: {count} {why}" for why, count in feedback.left_out.items())]
    said += card.said(learned)
    if not learned.counted:
        reasons = "; ".join(said) or "no report says that anything is judged wrongly"
        raise LearnError(export, f"nothing was learned: {reasons}")
    tests = [Test("base data", base.tested), Test("reviewers' labels", held_out, 0.0), *_given(place)]

    def of(sources: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
        return card.of_correction(learned, sources, outcomes)

    files = [BUNDLED, *data, export]
    return _kept(reader, place, before, _Made(learned.heads, "feedback", files, tests, said, of))


def latest(reader: Reader, folder: Path) -> Heads:
    """Return what a new version is built on: the candidate, else what is in force, else nothing."""
    state = read_state(folder)
    name = state.candidate or state.current
    if name is None:
        return nothing(reader.width)
    return versions.load(folder, name, reader.scorer.checksum, reader.scorer.own)


def _check_name(reader: Reader, before: Heads, name: Category) -> None:
    if name in (*reader.scorer.own, *KNOWN_CATEGORIES):
        raise LearnError("--category", f"found {name}, which is a classifier's; choose another name")
    if name not in before.categories and len(before.categories) >= MOST_OWN:
        raise LearnError("--category", f"there are {MOST_OWN} categories already, and more are not counted well")


def _given(place: Place) -> list[Test]:
    return [Test(path.name, read_rows(path)) for path in place.gates]


def _split(feedback: Feedback) -> tuple[list[Claim], list[Row]]:
    """Return what is learned from, and a part of the reviewers' labels, which the candidate is tested on."""
    held_out = [claim for claim in feedback.claims if claim.reviewed and part_of(claim.text, _HELD_OUT) == 0]
    rows = [Row(claim.text, bool(claim.flagged)) for claim in held_out]
    return [claim for claim in feedback.claims if claim not in held_out], rows


def _counted(learned: Learned) -> list[str]:
    return [
        f"{name}: {count} texts counted; held out, {learned.put_right[name]} of their passages are put right"
        for name, count in learned.counted.items()
    ]


def _kept(reader: Reader, place: Place, before: Heads, made: _Made) -> Made:
    """Test what was made, keep it as a version, and put it into the shadow if it has failed nothing."""
    outcomes = gate.run(made.tests, reader, before, made.heads, place.thresholds)
    passed = all(outcome.passed for outcome in outcomes)
    sources = {path.name: sha256(path) for path in (*made.files, *place.gates)}
    noted = {
        "kind": made.kind,
        "parent": before.version or None,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "classifier_sha256": reader.scorer.checksum,
        "data_sha256": sources,
        "tests": [outcome.noted() for outcome in outcomes],
        "passed": passed,
    }
    card_of = made.card(sources, outcomes)
    name = versions.save(place.folder, made.heads, reader.scorer.own, noted, card_of)
    if passed:
        state = read_state(place.folder)
        write_state(place.folder, replace(state, candidate=name, share=place.share))
    return Made(name, replace(made.heads, version=name), outcomes, list(made.said))
