"""What `unsay learn` does, in tables: a new insult, an innocent word, a hostile reporter, categories of one's own.

    python -m examples.learning_demo          (or `make learn-demo`; a minute of one core)

Everything is in the repository: the classifier, base data (models/replay), sentences (examples/learning) and categories
(examples/categories). Sentences are split into those that are reported and those that nobody has shown to the gate.
"""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from filters.scorers import versions
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.heads import Heads
from filters.scorers.state import State, write_state
from learning import promotion
from learning.base import Base, read_base
from learning.command import thresholds
from learning.gate import flagged
from learning.reader import Reader
from learning.work import Made, Place, latest, learn_category, learn_feedback
from reporting.markdown import table
from server.settings import BUNDLED_CLASSIFIER

HERE = Path(__file__).resolve().parent
INSULT, PLAIN, NAME = "snorbel", "painter", "Anna"
TERM, OTHER = "idiot", "warning"
"""An idiot light warns drivers, an idiot board prompts actors: the classifier flags most sentences that mention one."""
REPORTED, KEYS, HOSTILE = 40, 8, 10
CATEGORIES = ("medical_advice", "competitor_talk", "spoilers")


class Demonstration:
    """Learns in a folder that is thrown away, with the default policy's thresholds."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader = reader
        self.place = Place(folder / "learned", thresholds(None))
        self.base: Base = read_base([])
        self._folder = folder
        self.nothing = latest(reader, self.place.folder)
        self.clean = [row.text for row in self.base.tested if not row.label]
        self.insults, self.names, self.terms = (sentences(name) for name in ("insult", "name", "term"))

    def insult(self) -> Made:
        """Report a new insult and print what becomes of it."""
        texts = [text.format(word=INSULT) for text in self.insults]
        made = self.learned("insult", reports(texts[:REPORTED], "missed"))
        plain = [text.format(word=PLAIN) for text in self.insults]
        self.tell(
            f"An invented insult, missed in {REPORTED} answers",
            {"after": made.heads},
            [
                (f"unseen sentences with `{INSULT}`", texts[REPORTED:]),
                (f"the same sentences with `{PLAIN}`", plain[REPORTED:]),
                ("clean base data, held out", self.clean),
            ],
        )
        return made

    def innocent(self) -> tuple[Made, Made]:
        """Report false alarms on an innocent term and print what becomes of it, without and with base data about it."""
        every, insults = ([text.format(word=TERM) for text in each] for each in (self.terms, self.insults))
        texts = [text for text in every if self.part([text], self.nothing)]
        made = self.learned("innocent", reports(texts[:REPORTED], "false_alarm"))
        held = self._folder / "own.jsonl"
        write(held, [{"text": text, "label": 1} for text in insults[:REPORTED]])
        beside = learn_feedback(self.reader, self.fresh("held"), self._folder / "innocent.jsonl", [held])
        self.tell(
            f"An innocent term, `{TERM} light` and `{TERM} board`, a false alarm in {REPORTED} answers",
            {"after": made.heads, f"after, with {REPORTED} such insults as --data": beside.heads},
            [
                (f"unseen sentences that were flagged for `{TERM}`", texts[REPORTED:]),
                (f"the same sentences with `{OTHER}`", [text.replace(TERM, OTHER) for text in texts[REPORTED:]]),
                (f"unseen insults with `{TERM}`", insults[REPORTED:]),
                ("toxic base data, held out", [row.text for row in self.base.tested if row.label]),
            ],
        )
        print(f"\nflagged of all {len(every)} sentences with `{TERM}`, before: {len(texts)}")
        for each in (made, beside):
            print(*(outcome.line() for outcome in each.outcomes), sep="\n")
        return made, beside

    def hostile(self, honest: Made) -> float:
        """Add a fifth of poison by one key to the insult's reports; print and return how far any score is moved."""
        insults = [text.format(word=INSULT) for text in self.insults]
        names = [text.format(word=NAME) for text in self.names]
        toxic = [row.text for row in self.base.tested if row.label][:HOSTILE]
        held_out = [*names[HOSTILE:], *insults[REPORTED:], *(row.text for row in self.base.tested)]
        moved = []
        for target, verdict in ((names[:HOSTILE], "missed"), (toxic, "false_alarm")):
            poison = [{**row, "key": "hostile"} for row in reports(target, verdict)]
            made = self.learned("hostile", [*reports(insults[:REPORTED], "missed"), *poison])
            moved.append(self.difference([*held_out, *target], honest.heads, made.heads))
            share = len(poison) / (REPORTED + len(poison))
            print(f"\nA hostile key adds {len(poison)} reports of `{verdict}`, {share:.0%} of all\n")
            print("\n".join(made.said))
            print(f"the most that any score of {len(held_out) + len(target)} texts is moved by them: {moved[-1]:.4f}")
        return max(moved)

    def categories(self) -> None:
        """Learn the categories of the examples and print their curves."""
        for name in CATEGORIES:
            made = learn_category(self.reader, self.fresh(name), name, HERE / "categories" / f"{name}.jsonl")
            print(f"\n{(versions.place(self.place.folder.with_name(name), made.name) / versions.CARD).read_text()}")

    def steps(self, name: str) -> None:
        """Promote a version and take it back."""
        folder = self.place.folder.with_name("insult")
        print("\nPromotion and rollback\n")
        print(f"promoted: {promotion.promote(folder, name).current}")
        print(f"rolled back to: {promotion.roll_back(folder).current or 'the classifier alone'}")

    def learned(self, name: str, rows: Sequence[dict[str, object]]) -> Made:
        """Learn from an export of feedback, beside the classifier alone."""
        export = self._folder / f"{name}.jsonl"
        write(export, rows)
        return learn_feedback(self.reader, self.fresh(name), export)

    def fresh(self, name: str) -> Place:
        """Return a place where nothing was learned yet."""
        folder = self.place.folder.with_name(name)
        folder.mkdir(exist_ok=True)
        write_state(folder, State())
        return replace(self.place, folder=folder)

    def tell(self, title: str, after: Mapping[str, Heads], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Print how many of some texts are flagged before, and after by the heads under these titles."""
        lines = [
            [name, str(len(texts)), *(f"{self.part(texts, heads):.1%}" for heads in (self.nothing, *after.values()))]
            for name, texts in rows
        ]
        print(f"\n{title}\n\n{table(['flagged of', 'texts', 'before', *after], lines)}")

    def part(self, texts: Sequence[str], heads: Heads) -> float:
        """Return the part of the texts that is flagged."""
        return flagged(self.reader.scores(texts, heads), self.place.thresholds)

    def difference(self, texts: Sequence[str], one: Heads, other: Heads) -> float:
        """Return the most that any score of these texts differs."""
        pairs = zip(self.reader.scores(texts, one), self.reader.scores(texts, other), strict=True)
        return max(abs(before[name] - after[name]) for before, after in pairs for name in before)


def sentences(name: str) -> list[str]:
    """Return the sentences of a file, with {word} in each, always in the same order."""
    found = (HERE / "learning" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    random.Random(name).shuffle(found)
    return found


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def reports(texts: Sequence[str], verdict: str) -> list[dict[str, object]]:
    """Return rows of an export: a verdict on each text, by several keys in turn, no reviewer's label."""
    return [
        {"id": at, "verdict": verdict, "text": text, "key": f"key-{at % KEYS}", "span": None, "reviewed": False}
        for at, text in enumerate(texts)
    ]


def main() -> int:
    """Run everything and print it; return the exit code."""
    with TemporaryDirectory(prefix="unsay-") as folder:
        demonstration = Demonstration(Reader(DetoxifyScorer.load(str(BUNDLED_CLASSIFIER), threads=1)), Path(folder))
        made = demonstration.insult()
        demonstration.innocent()
        demonstration.hostile(made)
        demonstration.categories()
        demonstration.steps(made.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
