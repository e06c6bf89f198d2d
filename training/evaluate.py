"""How good a classifier is on texts that it never saw: figures, each with its name, value, and goal if it has one.

Nothing is learnt here, and only the disguises are random, with a seed.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from filters.highest import highest_of
from filters.parts import with_parts
from filters.scorer import Scorer, Scores
from filters.thresholds import Thresholds
from server.policy.policy import DEFAULT_THRESHOLDS
from training import augment
from training.data import CASED, Split, divide, prompt_rows
from training.examples import CATEGORIES, Example, read_rows
from training.metrics import auc, share_flagged

LENGTHS = (8, 16, 32)  # tokens
_BATCH = 64
_DEFAULT = Thresholds(DEFAULT_THRESHOLDS)
_DISGUISES = (augment.leet, augment.spaced, augment.stretched, augment.masked, augment.zero_width, augment.swapped)


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is a share or an area, 0..1; `goal` is what it must reach, from below if `less_is_better`."""

    group: str
    name: str
    value: float
    texts: int
    goal: float | None = None
    less_is_better: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.less_is_better else self.value >= self.goal


def score(scorer: Scorer, texts: Sequence[str]) -> list[Scores]:
    """Return the scores of each text, in order; texts of like length are scored together."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    scores: list[Scores] = [{}] * len(texts)
    for at in range(0, len(order), _BATCH):
        indices = order[at : at + _BATCH]
        for index, found in zip(indices, scorer.score([texts[index] for index in indices]), strict=True):
            scores[index] = found
    return scores


def score_in_parts(scorer: Scorer, texts: Sequence[str]) -> tuple[list[Scores], list[Scores]]:
    """Return the scores of each text judged whole, and the highest over its parts too, as the server judges."""
    every = [with_parts(text) for text in texts]
    scores = score(scorer, [part for each in every for part in each])
    wholes = [scores[at] for at in accumulate(map(len, every[:-1]), initial=0)] if every else []
    return wholes, highest_of(every, scores)


def held_out(folder: Path) -> Split:
    """Return the labelled texts parted as for the training; the prose, of which nothing is held out, is not read."""
    rows = read_rows(folder / "toxicity_train.jsonl.gz") + prompt_rows(read_rows(folder / "rtp_prompts.jsonl.gz"))
    return divide(rows)


def figures(scorer: Scorer, tokenizer: Tokenizer, folder: Path, seed: int) -> list[Figure]:
    """Return every figure of the report, from the data in `folder`."""
    parts = held_out(folder).held_out
    found = _jigsaw(scorer, tokenizer, parts[CASED])
    found += _disguised(scorer, parts[CASED], seed)
    found += _civil(scorer, parts["civil_comments"]) + _paradetox(scorer, parts["paradetox"])
    found += _perspective(scorer, "RealToxicityPrompts", parts["rtp"])
    found += _prompts_dev(scorer, folder / "rtp_challenging_and_nontoxic_dev.jsonl.gz")
    found += _hatecheck(scorer, read_rows(folder / "hatecheck_dev.jsonl.gz"))
    return found + _bold(scorer, read_rows(folder / "bold_prompts.jsonl.gz"))


def first_tokens(text: str, tokenizer: Tokenizer, count: int) -> str:
    """Return the text up to the end of its `count`-th token, as it is written."""
    ends = [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]
    return text if len(ends) <= count else text[: ends[count - 1]]


def flags(scores: Scores) -> bool:
    """Return whether the default policy flags a text with these scores."""
    return bool(_DEFAULT.exceeded(scores))


def _jigsaw(scorer: Scorer, tokenizer: Tokenizer, examples: list[Example]) -> list[Figure]:
    found, group = [], "Jigsaw, cased, held out"
    whole = score(scorer, [example.text for example in examples])
    for at, category in enumerate(CATEGORIES):
        positive = [example.targets[at] >= 0.5 for example in examples]
        goal = 0.975 if category == "toxicity" else None
        found.append(Figure(group, f"AUC {category}", auc([s[category] for s in whole], positive), len(examples), goal))
    toxic = [example.toxicity >= 0.5 for example in examples]
    for count in LENGTHS:
        cut = score(scorer, [first_tokens(example.text, tokenizer, count) for example in examples])
        found.append(Figure(group, f"AUC toxicity, first {count} tokens", auc(_toxicity(cut), toxic), len(examples)))
    clean = [scores for scores, is_toxic in zip(whole, toxic, strict=True) if not is_toxic]
    found.append(flagged_share(group, "non-toxic flagged", clean))
    return found


def _disguised(scorer: Scorer, examples: list[Example], seed: int) -> list[Figure]:
    """Return every word disguised, of short texts: what is left of the area under the curve."""
    short = [example for example in examples if len(example.text.split()) <= 40]
    toxic = [example.toxicity >= 0.5 for example in short]
    found = [
        Figure("Disguised (short Jigsaw)", "AUC as written", auc(_toxicity(_scored(scorer, short)), toxic), len(short))
    ]
    for disguise in _DISGUISES:
        texts = [_every_word(example.text, disguise, random.Random(seed)) for example in short]
        area = auc(_toxicity(score(scorer, texts)), toxic)
        found.append(Figure("Disguised (short Jigsaw)", f"AUC {disguise.__name__}", area, len(short)))
    return found


def _every_word(text: str, disguise: Callable[[str, random.Random], str], rng: random.Random) -> str:
    return " ".join(disguise(word, rng) for word in text.split())


def _civil(scorer: Scorer, examples: list[Example]) -> list[Figure]:
    far = [example for example in examples if example.toxicity >= 0.7 or example.toxicity == 0]
    area = auc(_toxicity(_scored(scorer, far)), [example.toxicity >= 0.7 for example in far])
    return [Figure("Civil Comments, held out", "AUC, fraction >= .7 against 0", area, len(far), 0.90)]


def _paradetox(scorer: Scorer, examples: list[Example]) -> list[Figure]:
    area = auc(_toxicity(_scored(scorer, examples)), [example.toxicity >= 0.5 for example in examples])
    return [Figure("ParaDetox, held out", "AUC toxic against its rewrite", area, len(examples))]


def _perspective(scorer: Scorer, group: str, examples: list[Example]) -> list[Figure]:
    scores = _scored(scorer, examples)
    toxic = [example.toxicity >= 0.5 for example in examples]
    clean = [found for found, example in zip(scores, examples, strict=True) if example.toxicity < 0.25]
    return [
        Figure(group, "AUC toxicity, Perspective >= .5", auc(_toxicity(scores), toxic), len(examples)),
        flagged_share(group, "flagged of Perspective < .25", clean),
    ]


def _prompts_dev(scorer: Scorer, path: Path) -> list[Figure]:
    rows = prompt_rows(read_rows(path))
    examples = divide(rows).train + [e for part in divide(rows).held_out.values() for e in part]
    return _perspective(scorer, "Challenging and non-toxic prompts", examples)


def _hatecheck(scorer: Scorer, rows: list[dict[str, Any]]) -> list[Figure]:
    scores = score(scorer, [row["test_case"] for row in rows])
    hateful = [row["label_gold"] == "hateful" for row in rows]
    found = [
        Figure("HateCheck", "AUC toxicity", auc(_toxicity(scores), hateful), len(rows), 0.80),
        Figure("HateCheck", "AUC identity_attack", auc([s["identity_attack"] for s in scores], hateful), len(rows)),
    ]
    named = {"ident_neutral_nh", "ident_pos_nh"}
    neutral = [s for s, row in zip(scores, rows, strict=True) if row["functionality"] in named]
    found.append(flagged_share("HateCheck", "neutral and positive, flagged", neutral, 0.01))
    found += _by_label(scores, hateful)
    for kind in sorted({row["functionality"] for row in rows}, key=lambda name: (name.endswith("_nh"), name)):
        found += _functionality(kind, scores, rows, hateful)
    return found


def _by_label(scores: list[Scores], hateful: list[bool]) -> list[Figure]:
    """Return the shares flagged of what is hateful and of the rest: most, and little, should be."""
    of_label = {
        label: [found for found, is_hateful in zip(scores, hateful, strict=True) if is_hateful == label]
        for label in (True, False)
    }
    wanted = flagged_share("HateCheck", "hateful flagged", of_label[True], 0.75)
    return [
        replace(wanted, less_is_better=False),
        flagged_share("HateCheck", "non-hateful flagged", of_label[False], 0.20),
    ]


def _functionality(kind: str, scores: list[Scores], rows: list[dict[str, Any]], hateful: list[bool]) -> list[Figure]:
    """Return the share flagged, and the area against all cases of the opposite label."""
    own = [row["functionality"] == kind for row in rows]
    label = next(is_hateful for is_hateful, mine in zip(hateful, own, strict=True) if mine)
    kept = [index for index, mine in enumerate(own) if mine or hateful[index] != label]
    area = auc([scores[index]["toxicity"] for index in kept], [hateful[index] for index in kept])
    flagged = flagged_share(f"HateCheck {kind}", "flagged", [s for s, mine in zip(scores, own, strict=True) if mine])
    return [flagged, Figure(f"HateCheck {kind}", "AUC toxicity against the rest", area, sum(own))]


def _bold(scorer: Scorer, rows: list[dict[str, Any]]) -> list[Figure]:
    scores = score(scorer, [row["prompt"] for row in rows])
    found = [flagged_share("BOLD", "prompts flagged", scores, 0.03)]
    for domain in sorted({row["domain"] for row in rows}):
        own = [found for found, row in zip(scores, rows, strict=True) if row["domain"] == domain]
        found.append(flagged_share("BOLD", f"flagged: {domain}", own))
    return found


def _scored(scorer: Scorer, examples: list[Example]) -> list[Scores]:
    return score(scorer, [example.text for example in examples])


def _toxicity(scores: list[Scores]) -> list[float]:
    return [found["toxicity"] for found in scores]


def flagged_share(group: str, name: str, scores: list[Scores], goal: float | None = None) -> Figure:
    """Return the share of texts with these scores that the default policy flags."""
    value = share_flagged([float(flags(found)) for found in scores], 1.0)
    return Figure(group, name, value, len(scores), goal, less_is_better=True)
