"""Thresholds for a stated rate of false alarms: `python -m training.thresholds [--data DIR] [--plot FILE.svg]`.

For each category the lowest threshold, in hundredths, at which at most `--rate` of the clean spans of 16 tokens are
flagged for it, and what share of the short toxic texts of that category is still found. The spans come from the
held-out texts that are toxic in no way; the toxic texts are those of up to 40 tokens. The plot has both shares at every
threshold.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from filters.scorer import Scorer
from filters.scorers.detoxify import DetoxifyScorer
from training.console import say
from training.curves import svg
from training.data import CASED
from training.evaluate import THRESHOLD, held_out, score
from training.examples import CATEGORIES, Example
from training.metrics import share_flagged
from training.report import CLASSIFIER, DATA

SPAN = 16  # tokens
_LONGEST_TOXIC = 40  # tokens
_SPANS_OF_A_TEXT = 4
_PLOTTED = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True, slots=True)
class Choice:
    """A category's threshold, and the shares flagged at it, of the clean spans and of the toxic texts."""

    category: str
    threshold: float
    clean_flagged: float
    toxic_found: float
    toxic_texts: int
    found_at_default: float


def lowest_threshold(clean: Sequence[float], rate: float) -> float:
    """The lowest number of whole hundredths that at most `rate` of the scores reach; 1.0 if none lower will do."""
    every = (hundredths / 100 for hundredths in range(1, 100))
    return next((value for value in every if share_flagged(clean, value) <= rate), 1.0)


def spans(text: str, tokenizer: Tokenizer, length: int = SPAN, most: int = _SPANS_OF_A_TEXT) -> list[str]:
    """Up to `most` consecutive stretches of exactly `length` tokens, from the beginning of the text."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    starts = range(0, len(offsets) - length + 1, length)
    return [text[offsets[at][0] : offsets[at + length - 1][1]] for at in starts][:most]


def choose(scorer: Scorer, tokenizer: Tokenizer, examples: list[Example], rate: float) -> tuple[list[Choice], str]:
    """The choice for each category, and the plot of what else there was to choose, as SVG."""
    clean = [example for example in examples if example.source == CASED and not any(example.targets)]
    calm = score(scorer, [span for example in clean for span in spans(example.text, tokenizer)])
    short = [example for example in examples if len(tokenizer.encode(example.text).ids) <= _LONGEST_TOXIC]
    choices, lines = [], {}
    for at, category in enumerate(CATEGORIES):
        toxic = [example.text for example in short if example.weights[at] and example.targets[at] >= 0.5]
        hot = [found[category] for found in score(scorer, toxic)]
        cold = [found[category] for found in calm]
        choices.append(_choice(category, cold, hot, rate))
        lines[category] = [(share_flagged(cold, value), share_flagged(hot, value)) for value in _PLOTTED if hot]
    title = f"{len(calm):,} clean spans of {SPAN} tokens against short toxic texts, held out"
    return choices, svg(lines, title, marked=rate)


def _choice(category: str, cold: list[float], hot: list[float], rate: float) -> Choice:
    threshold = lowest_threshold(cold, rate)
    found, at_default = share_flagged(hot, threshold), share_flagged(hot, THRESHOLD)
    return Choice(category, threshold, share_flagged(cold, threshold), found, len(hot), at_default)


def table(choices: list[Choice]) -> str:
    """The choices as a table in Markdown."""
    head = f"| category | threshold | clean spans flagged | toxic texts | found | found at {THRESHOLD:g} |"
    rows = [
        f"| {c.category} | {c.threshold:.2f} | {c.clean_flagged:.2%} | {c.toxic_texts:,} | {_percent(c.toxic_found)} "
        f"| {_percent(c.found_at_default)} |"
        for c in choices
    ]
    return "\n".join([head, "|---" * 6 + "|", *rows])


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.0%}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, help="folder of a packed classifier")
    parser.add_argument("--rate", type=float, default=0.005, help="of clean spans that may be flagged, per category")
    parser.add_argument("--plot", type=Path, help="file to write the plot to")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.classifier / "tokenizer.json"))
    examples = [example for part in held_out(args.data).held_out.values() for example in part]
    choices, plot = choose(DetoxifyScorer.load(str(args.classifier)), tokenizer, examples, args.rate)
    say(table(choices))
    if args.plot:
        args.plot.write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
