"""Every figure of the shipped weights, without training: `python -m training.report [--data DIR] [--parts NAME,...]`.

Prints Markdown, and writes it to `--markdown FILE` too. Parts: classifier, languages, triad, cases, dilution,
thresholds, screen, language_model (perplexity, speed in vLLM, continuations) and samples; for the last two a server is
started. `--against` takes further packed classifiers (see pack_classifier.py) as further columns of the classifier's
tables. `--limit N` is for a quick look: it continues N prompts of each set. Rude words in the samples are masked; no
other text is printed.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import torch

from benchmarks.served import serving
from filters.scorers.detoxify import DetoxifyScorer
from filters.thresholds import Thresholds
from reporting.options import count
from server.policy.policy import DEFAULT_THRESHOLDS
from training import (
    continuations,
    dilution,
    perplexity,
    provenance,
    report_classifier,
    reported,
    samples,
    screen,
    speed,
    thresholds,
    triad,
)
from training.console import say
from training.masking import Masking, read_list
from training.setting import CLASSIFIER, DATA, LANGUAGE_MODEL, SCREEN, Setting

PARTS = ("classifier", "languages", "triad", "cases", "dilution", "thresholds", "screen", "language_model", "samples")
_WORD_LIST = "ldnoobw_en.txt"
_SERVED = {"language_model", "samples"}


def blocks(setting: Setting, parts: frozenset[str]) -> Iterator[str]:
    """Yield the report, a heading, table or paragraph at a time. OSError if a file is missing."""
    yield from _head(setting)
    if "classifier" in parts:
        yield from report_classifier.blocks(setting)
    if "languages" in parts:
        yield from report_classifier.by_language(setting)
    if "triad" in parts:
        yield from triad.blocks(setting)
    if "cases" in parts:
        yield from reported.blocks(setting)
    if "dilution" in parts:
        yield from dilution.blocks(setting)
    if "thresholds" in parts:
        yield from thresholds.blocks(setting)
    if "screen" in parts:
        yield from screen.blocks(setting)
    if "language_model" in parts:
        yield from perplexity.blocks(setting)
    if parts & _SERVED:
        yield from _served(setting, parts & _SERVED)


def _head(setting: Setting) -> Iterator[str]:
    yield "# Report of training"
    yield f"{provenance.today()}. {provenance.machine()}. {provenance.versions()}. Asked for: {setting.asked()}."
    read = sorted({*report_classifier.READ, continuations.PROMPTS, _WORD_LIST})
    yield provenance.files(setting.models, [setting.data / name for name in read])


def _served(setting: Setting, parts: frozenset[str]) -> Iterator[str]:
    """Yield what needs a server. What it wrote is scored when it is gone: they would fight for the cores."""
    seed, drawn, told = setting.seed, [], []
    prompts = continuations.read_prompts(setting.data, setting.limit) if "language_model" in parts else []
    with serving(setting.language_model, setting.classifier) as base_url:
        if prompts:
            yield from speed.blocks(asyncio.run(speed.measure(base_url, setting.rounds)))
            drawn = asyncio.run(continuations.draw(base_url, prompts, seed))
        if "samples" in parts:
            told = asyncio.run(samples.tell(base_url, seed))
    scorer = DetoxifyScorer.load(str(setting.classifier))
    if prompts:
        yield from continuations.blocks(continuations.shares(scorer, prompts, drawn, seed), seed)
    if told:
        masking = Masking(scorer, Thresholds(DEFAULT_THRESHOLDS), read_list(setting.data / _WORD_LIST))
        yield from samples.blocks(told, masking, seed)


def parts_of(text: str) -> frozenset[str]:
    """Return the parts in a list with commas. ArgumentTypeError for one that does not exist."""
    parts = frozenset(name.strip() for name in text.split(","))
    if unknown := sorted(parts - set(PARTS)):
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return parts


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; its options are the fields of Setting but for `parts` and `markdown`."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    made.add_argument("--classifier", type=Path, default=CLASSIFIER, help="folder of a packed classifier")
    made.add_argument("--language-model", type=Path, default=LANGUAGE_MODEL, help="folder of a language model")
    made.add_argument("--screen", type=Path, default=SCREEN, help="folder of a screen")
    made.add_argument("--against", type=Path, nargs="*", default=[], help="folders of others, to compare with")
    made.add_argument("--written", type=Path, help="what a language model wrote: a file of training.written")
    made.add_argument("--cases", type=Path, help="texts that were reported: see training/reported.py")
    made.add_argument("--parts", type=parts_of, default=frozenset(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    made.add_argument("--limit", type=count, help="prompts of each set to continue (default: all)")
    made.add_argument("--held-out-tokens", type=count, default=200_000, help="of a source, for its perplexity")
    made.add_argument("--rounds", type=count, default=3, help="of measuring the speed (default: 3)")
    made.add_argument("--seed", type=int, default=0, help="of disguises, continuations and samples")
    made.add_argument("--threads", type=count, default=2, help="for the classifier (default: 2)")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="write the report there too")
    return made


def main() -> None:
    """Run the command line."""
    args = vars(parser().parse_args())
    parts, markdown = args.pop("parts"), args.pop("markdown")
    setting = Setting(**{**args, "against": tuple(args["against"])})
    torch.set_num_threads(setting.threads)
    with markdown.open("w", encoding="utf-8") if markdown else nullcontext() as file:
        for block in blocks(setting, parts):
            say(block + "\n")
            if file:
                file.write(block + "\n\n")


if __name__ == "__main__":
    main()
