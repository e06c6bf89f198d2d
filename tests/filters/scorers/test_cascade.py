from collections.abc import Sequence

import pytest

from filters.scorer import EXACT, Bounding, Scores, ThresholdValues, is_below
from filters.scorers.cascade import Cascade
from filters.scorers.scripted import ScriptedScorer

CATEGORIES = ("toxicity", "insult")


class Recorded(ScriptedScorer):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__({"rude": 0.9, "odd": 0.2}, categories=CATEGORIES)
        self.asked: list[list[str]] = []
        self.is_ready = True

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self.asked.append(list(texts))
        return super().score(texts)

    def ready(self) -> bool:
        return self.is_ready


def at(threshold: float) -> ThresholdValues:
    return dict.fromkeys(CATEGORIES, threshold)


class Screening:
    """Bounds what has "calm" in it by `bound`, if that is enough; answers with `answer` instead if there is one."""

    name = "screening"
    categories = CATEGORIES

    def __init__(self, bound: float = 0.1, answer: list[Scores | None] | Exception | None = None) -> None:
        self.bound = bound
        self.answer = answer
        self.is_ready = True

    def clear(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores | None]:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        bounds = dict.fromkeys(CATEGORIES, self.bound)
        pairs = zip(texts, thresholds, strict=True)
        return [bounds if "calm" in text and is_below(bounds, each) else None for text, each in pairs]

    def ready(self) -> bool:
        return self.is_ready


class Counts:
    def __init__(self) -> None:
        self.cleared = self.judged = self.failed = 0

    def screened(self, cleared: int, judged: int) -> None:
        self.cleared += cleared
        self.judged += judged

    def screen_failed(self) -> None:
        self.failed += 1


def test_the_classifier_judges_in_one_batch_what_the_screen_does_not_clear() -> None:
    classifier, counts = Recorded(), Counts()
    cascade = Cascade(Screening(), classifier, counts)
    found = cascade.bounds(["rude", "calm", "odd", "calm too"], [at(0.5)] * 4)
    assert [scores["toxicity"] for scores in found] == [0.9, 0.1, 0.2, 0.1]
    assert classifier.asked == [["rude", "odd"]]
    assert (counts.cleared, counts.judged, counts.failed) == (2, 2, 0)


def test_a_tighter_threshold_goes_to_the_classifier() -> None:
    classifier = Recorded()
    found = Cascade(Screening(bound=0.3), classifier).bounds(["calm", "calm"], [at(0.5), at(0.3)])
    assert [scores["toxicity"] for scores in found] == [0.3, 0.0]
    assert classifier.asked == [["calm"]]


def test_each_category_is_held_against_its_own_threshold() -> None:
    classifier, thresholds = Recorded(), [{"toxicity": 0.5, "insult": 0.31}, {"toxicity": 0.5, "insult": 0.3}, EXACT]
    Cascade(Screening(bound=0.3), classifier).bounds(["calm", "calm and mild", "calm and exact"], thresholds)
    assert classifier.asked == [["calm and mild", "calm and exact"]]


def test_nothing_is_asked_of_the_classifier_if_all_is_cleared() -> None:
    classifier = Recorded()
    Cascade(Screening(), classifier).bounds(["calm"], [at(0.5)])
    assert classifier.asked == []


def test_exact_scores_are_the_classifiers() -> None:
    classifier = Recorded()
    assert Cascade(Screening(), classifier).score(["calm"]) == [dict.fromkeys(CATEGORIES, 0.0)]
    assert classifier.asked == [["calm"]]


def test_a_classifier_that_has_bounds_is_told_what_each_text_needs() -> None:
    class BoundingClassifier(Recorded):
        def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
            return [{category: value / 2 for category, value in each.items()} for each in thresholds]

    found = Cascade(Screening(), BoundingClassifier()).bounds(["odd", "calm", "odd"], [at(0.5), at(0.5), at(0.2)])
    assert [scores["insult"] for scores in found] == [0.25, 0.1, 0.1]


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("broken"),
        [],
        [None, None],
        [{"toxicity": 0.1}],
        [{"toxicity": 0.1, "insult": float("nan")}],
        [{"toxicity": 0.1, "insult": 0.5}],
        [{"toxicity": -0.1, "insult": 0.1}],
    ],
    ids=repr,
)
def test_a_screen_that_fails_clears_nothing(answer: list[Scores | None] | Exception) -> None:
    classifier, counts = Recorded(), Counts()
    found = Cascade(Screening(answer=answer), classifier, counts).bounds(["rude"], [at(0.5)])
    assert found == [dict.fromkeys(CATEGORIES, 0.9)]
    assert (counts.cleared, counts.judged, counts.failed) == (0, 1, 1)


def test_a_classifier_that_fails_fails_the_pass() -> None:
    classifier = Recorded()
    classifier.fail(1)
    with pytest.raises(Exception, match="no score"):
        Cascade(Screening(), classifier).bounds(["calm", "rude"], [at(0.5), at(0.5)])


@pytest.mark.parametrize("unready", ["screen", "classifier"])
def test_it_is_ready_when_both_are(unready: str) -> None:
    screen, classifier = Screening(), Recorded()
    cascade = Cascade(screen, classifier)
    assert cascade.ready()
    if unready == "screen":
        screen.is_ready = False
    else:
        classifier.is_ready = False
    assert not cascade.ready()


def test_it_is_named_after_what_judges_and_can_give_bounds() -> None:
    cascade = Cascade(Screening(), Recorded())
    assert (cascade.name, cascade.categories) == ("scripted", CATEGORIES)
    assert isinstance(cascade, Bounding)
    assert not isinstance(Recorded(), Bounding)


def test_a_screen_of_another_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match="scores others"):
        Cascade(Screening(), ScriptedScorer({}, categories=("toxicity",)))


def test_it_reads_what_its_classifier_reads() -> None:
    assert Cascade(Screening(), Recorded()).languages is None
    classifier = ScriptedScorer({}, categories=CATEGORIES, languages=frozenset({"de"}))
    assert Cascade(Screening(), classifier).languages == frozenset({"de"})


class Taught(Recorded):
    """A classifier beside which something was learned that texts with "new" in them are about."""

    own, checksum, gate = CATEGORIES, "ab", "ab+0001"

    def teach(self, heads: object, shadow: object = None) -> None: ...

    def must_read(self, text: str) -> bool:
        return "new" in text


def test_what_was_learned_is_read_by_the_classifier_whatever_the_screen_says() -> None:
    classifier = Taught()
    cascade = Cascade(Screening(), classifier)
    cascade.bounds(["calm", "calm and new"], [at(0.5)] * 2)
    cascade.bounds(["new and calm"], [at(0.5)])
    assert classifier.asked == [["calm and new"], ["new and calm"]]


def test_it_is_known_by_the_gate_of_its_classifier() -> None:
    assert Cascade(Screening(), Taught()).gate == "ab+0001"
    assert Cascade(Screening(), classifier := Recorded()).gate == "scripted"
    assert Cascade(Screening(), classifier).classifier is classifier
