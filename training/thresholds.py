"""Thresholds for a stated rate of false alarms: `python -m training.thresholds [--data DIR] [--plot FILE.svg]`.

For each category the lowest threshold, in hundredths, at which at most `--rate` of the clean spans of 16 tokens are
flagged for it, and what share of the short toxic texts of that category is still found. The spans come from the
held-out texts that are toxic in no way; the toxic texts are those of up to 40 tokens. A text is flagged if any category
is: what all of them together do is in the last row. The plot has both shares at every threshold.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from filters.scorer import Scorer, Scores
from filters.scorers.detoxify import DetoxifyScorer
from reporting import markdown
from reporting.charts import trade_off
from server.policy.policy import DEFAULT_THRESHOLDS
from training.console import say
from training.data import CASED
from training.evaluate import held_out, score
from training.examples import CATEGORIES, Example
from training.metrics import share_flagged
from training.setting import CLASSIFIER, DATA, Setting

SPAN = 16  # tokens
RATE = 0.005
ANY = "any of them"
_LONGEST_TOXIC = 40  # tokens
_CALM_SOURCES = (CASED, "rtp")  # comments, and text of the web; of both, six labels are known
_CALM = 0.25  # that none of the six reaches
_SPANS_OF_A_TEXT = 4
_PLOTTED = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True, slots=True)
class Flagged:
    """The shares flagged at the chosen threshold and at the default policy's."""

    chosen: float
    default: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A category's threshold, and what is flagged of the clean spans and of so many toxic texts.

    Of all categories together there is no one threshold: it is None, and each is held to its own.
    """

    category: str
    threshold: float | None
    clean: Flagged
    toxic: Flagged
    toxic_texts: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice for each category and for all together, the number of clean spans, and the plot as SVG."""

    choices: list[Choice]
    clean_spans: int
    plot: str


def lowest_threshold(clean: Sequence[float], rate: float) -> float:
    """The lowest number of whole hundredths that at most `rate` of the scores reach; 1.0 if none lower will do."""
    every = (hundredths / 100 for hundredths in range(1, 100))
    return next((value for value in every if share_flagged(clean, value) <= rate), 1.0)


def spans(text: str, tokenizer: Tokenizer, length: int = SPAN, most: int = _SPANS_OF_A_TEXT) -> list[str]:
    """Up to `most` consecutive stretches of exactly `length` tokens, from the beginning of the text."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    starts = range(0, len(offsets) - length + 1, length)
    return [text[offsets[at][0] : offsets[at + length - 1][1]] for at in starts][:most]


def choose(scorer: Scorer, tokenizer: Tokenizer, examples: list[Example], rate: float) -> Chosen:
    """The thresholds that keep to the rate, and what else there was to choose."""
    clean = [example for example in examples if example.source in _CALM_SOURCES and max(example.targets) < _CALM]
    calm = score(scorer, [span for example in clean for span in spans(example.text, tokenizer)])
    toxic = [
        example for example in _short(examples, tokenizer) if any(map(_is_known, example.targets, example.weights))
    ]
    found = score(scorer, [example.text for example in toxic])
    choices, lines = [], {}
    for at, category in enumerate(CATEGORIES):
        of_it = [_is_known(example.targets[at], example.weights[at]) for example in toxic]
        hot = [scores[category] for scores, is_toxic in zip(found, of_it, strict=True) if is_toxic]
        cold = [scores[category] for scores in calm]
        choices.append(_choice(category, cold, hot, rate))
        lines[category] = [(share_flagged(cold, value), share_flagged(hot, value)) for value in _PLOTTED if hot]
    title = f"{len(calm):,} clean spans of {SPAN} tokens against short toxic texts, held out"
    plot = trade_off(title, lines, marked=rate).alone()
    return Chosen([*choices, _together(choices, calm, found)], len(calm), plot + "\n")


def _short(examples: list[Example], tokenizer: Tokenizer) -> list[Example]:
    return [example for example in examples if len(tokenizer.encode(example.text).ids) <= _LONGEST_TOXIC]


def _is_known(target: float, weight: float) -> bool:
    """Whether a text is known to be toxic in this way."""
    return weight > 0 and target >= 0.5


def _choice(category: str, cold: list[float], hot: list[float], rate: float) -> Choice:
    threshold = lowest_threshold(cold, rate)
    default = DEFAULT_THRESHOLDS[category]
    clean, toxic = (Flagged(share_flagged(s, threshold), share_flagged(s, default)) for s in (cold, hot))
    return Choice(category, threshold, clean, toxic, len(hot))


def _together(choices: list[Choice], calm: list[Scores], toxic: list[Scores]) -> Choice:
    """What the chosen thresholds flag together, and the default ones."""
    chosen = {choice.category: choice.threshold or 0.0 for choice in choices}
    every = (chosen, DEFAULT_THRESHOLDS)
    clean, found = (Flagged(*(_share(scores, each) for each in every)) for scores in (calm, toxic))
    return Choice(ANY, None, clean, found, len(toxic))


def _share(every: list[Scores], thresholds: Mapping[str, float]) -> float:
    reached = [any(scores[name] >= threshold for name, threshold in thresholds.items()) for scores in every]
    return share_flagged(list(map(float, reached)), 1.0)


def table(choices: list[Choice]) -> str:
    """The choices as a table in Markdown, beside what the default policy's thresholds do."""
    by = "by default"
    head = ("category", "threshold", "default", "clean spans flagged", by, "toxic texts", "found", by)
    return markdown.table(head, map(_row, choices))


def _row(choice: Choice) -> tuple[str, ...]:
    threshold = "-" if choice.threshold is None else f"{choice.threshold:.2f}"
    default = f"{DEFAULT_THRESHOLDS[choice.category]:.2f}" if choice.category in DEFAULT_THRESHOLDS else "-"
    clean = f"{choice.clean.chosen:.2%}", f"{choice.clean.default:.2%}"
    found = _percent(choice.toxic.chosen), _percent(choice.toxic.default)
    return choice.category, threshold, default, *clean, f"{choice.toxic_texts:,}", *found


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.0%}"


def measure(classifier: Path, data: Path, rate: float) -> Chosen:
    """The thresholds of a packed classifier, from the held-out texts in the folder `data`. OSError, ScorerLoadError."""
    tokenizer = Tokenizer.from_file(str(classifier / "tokenizer.json"))
    examples = [example for part in held_out(data).held_out.values() for example in part]
    return choose(DetoxifyScorer.load(str(classifier)), tokenizer, examples, rate)


def blocks(setting: Setting) -> Iterator[str]:
    """The report's part."""
    yield f"## Thresholds at which {RATE:.1%} of clean spans are flagged"
    chosen = measure(setting.classifier, setting.data, RATE)
    yield table(chosen.choices)
    yield (
        f"{chosen.clean_spans:,} clean spans of {SPAN} tokens, of held-out texts that are toxic in no way; held-out "
        f"toxic texts of up to {_LONGEST_TOXIC} tokens. Chosen and counted on the same texts."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, help="folder of a packed classifier")
    parser.add_argument("--rate", type=float, default=RATE, help="of clean spans that may be flagged, per category")
    parser.add_argument("--plot", type=Path, help="file to write the plot to")
    args = parser.parse_args()
    chosen = measure(args.classifier, args.data, args.rate)
    say(table(chosen.choices))
    if args.plot:
        args.plot.write_text(chosen.plot, encoding="utf-8")


if __name__ == "__main__":
    main()
