"""Thresholds for a stated rate of false alarms: `python -m training.thresholds [--data DIR] [--plot FILE.svg]`.

For each category the lowest threshold, in hundredths, at which at most `--rate` of the clean spans of 16 tokens are
flagged for it, and what share of the short toxic texts of that category is still found. The spans come from the
held-out texts that are toxic in no way; the toxic texts are those of up to 40 tokens. A text is flagged if any category
is: what all of them together do is in the last row. The plot has both shares at every threshold.

Besides, what the default policy flags of the windows of a language model: stretches of 24 tokens of what it wrote after
harmless openings (`--written`, a file of training.written). Nobody looked through them, and not all of them are clean.
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
from training.examples import CATEGORIES, Example, read_rows
from training.metrics import share_flagged
from training.setting import CLASSIFIER, DATA, Setting

SPAN, WINDOW = 16, 24  # tokens
RATE = 0.003
ANY = "any of them"
_LONGEST_TOXIC = 40  # tokens
_CALM_SOURCES = (CASED, "rtp")  # comments, and text of the web; of both, six labels are known
_CALM = 0.25  # that none of the six reaches
_HARMLESS = 0.1  # an opening's scores
_SPANS_OF_A_TEXT = 4
_PLOTTED = np.linspace(0.01, 0.99, 99)


@dataclass(frozen=True, slots=True)
class Flagged:
    """The shares flagged at the chosen threshold and at the default policy's."""

    chosen: float
    default: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A category's threshold, and what is flagged of the clean spans and of `toxic_texts` toxic texts.

    For all categories together there is no single threshold: it is None, and each is compared with its own.
    """

    category: str
    threshold: float | None
    clean: Flagged
    toxic: Flagged
    toxic_texts: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice for each category and for all together, the number of clean spans and of windows, and the plot as SVG.

    `windows_flagged` is the share of the windows that the default policy flags, in any category; NaN without windows.
    """

    choices: list[Choice]
    clean_spans: int
    plot: str
    windows: int = 0
    windows_flagged: float = math.nan


def lowest_threshold(clean: Sequence[float], rate: float) -> float:
    """Return the lowest threshold in whole hundredths that at most `rate` of the scores reach; 1.0 if there is none."""
    every = (hundredths / 100 for hundredths in range(1, 100))
    return next((value for value in every if share_flagged(clean, value) <= rate), 1.0)


def spans(text: str, tokenizer: Tokenizer, length: int = SPAN, most: int = _SPANS_OF_A_TEXT) -> list[str]:
    """Yield up to `most` consecutive stretches of exactly `length` tokens, from the beginning of the text."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    starts = range(0, len(offsets) - length + 1, length)
    return [text[offsets[at][0] : offsets[at + length - 1][1]].strip() for at in starts][:most]


def windows(rows: Sequence[Mapping[str, str]], tokenizer: Tokenizer, scorer: Scorer) -> list[str]:
    """Return all stretches of `WINDOW` tokens of the texts that follow harmless openings, from rows of both."""
    openings = score(scorer, [row["prompt"] for row in rows])
    calm = [row["text"] for row, found in zip(rows, openings, strict=True) if max(found.values()) < _HARMLESS]
    return [window for text in calm for window in spans(text, tokenizer, WINDOW, len(text))]


def choose(
    scorer: Scorer, tokenizer: Tokenizer, examples: list[Example], rate: float, written: Sequence[str] = ()
) -> Chosen:
    """Return the thresholds that keep to the rate, and what else there was to choose; `written` are windows."""
    clean = [example for example in examples if example.source in _CALM_SOURCES and max(example.targets) < _CALM]
    calm = score(scorer, [span for example in clean for span in spans(example.text, tokenizer)])
    toxic = [
        example for example in _short(examples, tokenizer) if any(map(_is_known, example.targets, example.weights))
    ]
    found = score(scorer, [example.text for example in toxic])
    seen = score(scorer, written)
    choices, lines = [], {}
    for at, category in enumerate(CATEGORIES):
        of_it = [_is_known(example.targets[at], example.weights[at]) for example in toxic]
        hot = [scores[category] for scores, is_toxic in zip(found, of_it, strict=True) if is_toxic]
        cold = [scores[category] for scores in calm]
        choices.append(_choice(category, cold, hot, rate))
        lines[category] = [(share_flagged(cold, value), share_flagged(hot, value)) for value in _PLOTTED if hot]
    title = f"{len(calm):,} clean spans of {SPAN} tokens against short toxic texts, held out"
    plot = trade_off(title, lines, marked=rate).alone()
    every = [*choices, _together(choices, calm, found)]
    return Chosen(every, len(calm), plot + "\n", len(seen), _share(seen, DEFAULT_THRESHOLDS))


def _short(examples: list[Example], tokenizer: Tokenizer) -> list[Example]:
    return [example for example in examples if len(tokenizer.encode(example.text).ids) <= _LONGEST_TOXIC]


def _is_known(target: float, weight: float) -> bool:
    """Return whether a text is known to be toxic in this way."""
    return weight > 0 and target >= 0.5


def _choice(category: str, cold: list[float], hot: list[float], rate: float) -> Choice:
    threshold = lowest_threshold(cold, rate)
    default = DEFAULT_THRESHOLDS[category]
    clean, toxic = (Flagged(share_flagged(s, threshold), share_flagged(s, default)) for s in (cold, hot))
    return Choice(category, threshold, clean, toxic, len(hot))


def _together(choices: list[Choice], calm: list[Scores], toxic: list[Scores]) -> Choice:
    """Return what the chosen thresholds flag together, and the default ones."""
    chosen = {choice.category: choice.threshold or 0.0 for choice in choices}
    every = (chosen, DEFAULT_THRESHOLDS)
    clean, found = (Flagged(*(_share(scores, each) for each in every)) for scores in (calm, toxic))
    return Choice(ANY, None, clean, found, len(toxic))


def _share(every: list[Scores], thresholds: Mapping[str, float]) -> float:
    reached = [any(scores[name] >= threshold for name, threshold in thresholds.items()) for scores in every]
    return share_flagged(list(map(float, reached)), 1.0)


def table(choices: list[Choice]) -> str:
    """Return the choices as a table in Markdown, beside what the default policy's thresholds do."""
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


def measure(classifier: Path, data: Path, rate: float, written: Path | None = None) -> Chosen:
    """Return the thresholds of a packed classifier, from the held-out texts in `data` and what a language model wrote.

    OSError, ScorerLoadError.
    """
    tokenizer = Tokenizer.from_file(str(classifier / "tokenizer.json"))
    examples = [example for part in held_out(data).held_out.values() for example in part]
    scorer = DetoxifyScorer.load(str(classifier))
    return choose(scorer, tokenizer, examples, rate, windows(read_rows(written), tokenizer, scorer) if written else ())


def summary(chosen: Chosen) -> str:
    """Return in a sentence what the choice was made on, and what the default policy flags of the windows."""
    said = (
        f"{chosen.clean_spans:,} clean spans of {SPAN} tokens, of held-out texts that are toxic in no way; held-out "
        f"toxic texts of up to {_LONGEST_TOXIC} tokens. Chosen and counted on the same texts."
    )
    if not chosen.windows:
        return said
    return (
        f"{said} Of {chosen.windows:,} windows of {WINDOW} tokens that the language model wrote after harmless "
        f"openings, the default policy flags {chosen.windows_flagged:.2%}."
    )


def blocks(setting: Setting) -> Iterator[str]:
    """Yield the report's part."""
    yield f"## Thresholds at which {RATE:.1%} of clean spans are flagged"
    chosen = measure(setting.classifier, setting.data, RATE, setting.written)
    yield table(chosen.choices)
    yield summary(chosen)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, help="folder of a packed classifier")
    parser.add_argument("--rate", type=float, default=RATE, help="of clean spans that may be flagged, per category")
    parser.add_argument("--written", type=Path, help="what a language model wrote: a file of training.written")
    parser.add_argument("--plot", type=Path, help="file to write the plot to")
    args = parser.parse_args()
    chosen = measure(args.classifier, args.data, args.rate, args.written)
    say(table(chosen.choices))
    say(summary(chosen))
    if args.plot:
        args.plot.write_text(chosen.plot, encoding="utf-8")


if __name__ == "__main__":
    main()
