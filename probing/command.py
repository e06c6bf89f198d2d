"""`unsay fit-probe`: a probe on a model's own states, labelled by the gate (docs/probe.md)."""

import argparse
import hashlib
import random
import shlex
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from filters.scorer import Scorer, ScorerLoadError
from filters.scorers.checkpoint import find_checkpoint, sha256
from filters.scorers.detoxify import DetoxifyScorer
from probing import report, texts
from probing.artefact import write
from probing.fitting import Beginnings, Windows, fit
from probing.forecast import Beginning, beginnings
from probing.journal import Journal
from probing.texts import ProbeError
from probing.windows import Window, features, leading, scores, spelled, windows
from probing.writing import TOGETHER, LanguageModel, Written, folder_of
from reporting.options import at_least, command_parser, count, within
from reporting.progress import progress, say
from server.embedded import Models
from server.environment import cache_folder
from server.errors import StartError
from server.probes import fingerprint
from server.settings import BUNDLED_CLASSIFIER

DESCRIPTION = """\
Fit a probe to a language model: linear heads on its own hidden states that say what the gate would say of its text.

  unsay fit-probe MODEL --out DIR                        the model writes, from bundled openings; the gate labels
  unsay fit-probe MODEL --prompts FILE --out DIR         the same, from openings of your own
  unsay fit-probe MODEL --data FILE|DIR --out DIR        the model reads what is given; the gate labels

No labels are needed, and the weights of the model are not touched. A fit that was stopped goes on where it was.
"""
FEWEST = 20
"""Flagged windows without which nothing can be learnt."""
_CHAT_EVERY = 3
"""Every third opening is a message that is answered, if the model chats."""


def main(argv: Sequence[str]) -> int:
    """Run `unsay fit-probe` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    known = _parser().parse_args(argv)
    try:
        run(known)
    except (ProbeError, StartError, ScorerLoadError, OSError) as error:
        sys.stderr.write(f"unsay fit-probe: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("unsay fit-probe", DESCRIPTION)
    parser.add_argument("model", metavar="MODEL", help="one of `unsay models`, a folder, or a name on a hub")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write, for --probe")
    parser.add_argument("--data", type=Path, metavar="FILE|DIR", help="answers to read: .jsonl, .jsonl.gz or .txt")
    parser.add_argument("--prompts", type=Path, metavar="FILE", help="openings to continue, of the same kinds")
    parser.add_argument(
        "--detoxify", default=str(BUNDLED_CLASSIFIER), metavar="NAME|PATH", help="the gate's classifier"
    )
    parser.add_argument("--count", type=count, default=2048, metavar="N", help="texts, at most (default: 2048)")
    parser.add_argument("--tokens", type=at_least(16), default=48, metavar="N", help="of an answer (default: 48)")
    parser.add_argument(
        "--miss-rate",
        type=within(0.0, 0.05),
        default=0.001,
        metavar="SHARE",
        help="of the windows that the gate flags, so many may pass where cuts are found (default: 0.001)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, metavar="DIR", help="where what was written is kept until the end")
    return parser


def recorded(known: argparse.Namespace) -> str:
    """Return the command that makes the same again, with files by their names: where they lie is nobody's business."""
    words = ["unsay", "fit-probe", _name(known.model)]
    for option in ("data", "prompts"):
        if (path := getattr(known, option)) is not None:
            words += [f"--{option}", path.name]
    if known.detoxify != str(BUNDLED_CLASSIFIER):
        words += ["--detoxify", _name(known.detoxify)]
    for option in ("count", "tokens", "miss-rate", "seed"):
        words += [f"--{option}", str(getattr(known, option.replace("-", "_")))]
    return shlex.join([*words, "--out", known.out.name])


def _name(name_or_path: str) -> str:
    return Path(name_or_path).name if Path(name_or_path).exists() else name_or_path


def run(known: argparse.Namespace) -> None:
    """Fit, report and write. ProbeError if that cannot be."""
    found = chosen(known)
    named = Models(cache_folder(), say).named(known.model)
    name = known.model if named is None else str(named.folder)
    say(f"loading {known.model} and the gate")
    model, gate = LanguageModel.load(name), DetoxifyScorer.load(known.detoxify)
    key = hashlib.sha256(f"{name} {found} {known.tokens} {known.seed}".encode()).hexdigest()[:16]
    journal = Journal(known.work or Path(tempfile.gettempdir()) / f"unsay-probe-{key}")
    judged, begun = label(answers(model, found, known, journal), model, gate, known.seed)
    if judged.flagged.sum() < FEWEST or (~judged.flagged).sum() < FEWEST:
        count_of = f"{judged.flagged.sum()} of {len(judged.answers)} windows are flagged"
        raise ProbeError(f"{count_of}: expected {FEWEST} of each kind at least; give other texts, or more (--count)")
    fitted = fit(judged, begun, known.miss_rate, known.seed)
    text = "\n\n".join(report.blocks(fitted, judged.parts(known.seed)[1], begun.parts(known.seed)[1]))
    made_from = {
        "command": recorded(known),
        "model": _name(known.model),
        "model_fingerprint": fingerprint(folder_of(name)),
        "classifier_sha256": sha256(find_checkpoint(known.detoxify)),
        "texts_sha256": hashlib.sha256(repr(found).encode()).hexdigest(),
        "texts": len(found),
        "windows": len(judged.answers),
        "flagged": int(judged.flagged.sum()),
    }
    write(known.out, fitted, made_from, text)
    journal.remove()
    say(text)


def chosen(known: argparse.Namespace) -> list[texts.Text]:
    """Return the texts to be fitted on, in an order that the seed says: given ones, openings, or both."""
    found = texts.given(known.data) if known.data else []
    if known.prompts or not found:
        found = [*found, *texts.openings(known.prompts or texts.OPENINGS)]
        short = known.count - len(found)
        if not known.prompts and short > 0:  # few are bundled: each is continued several times
            found = (found * (1 + known.count // len(found)))[: known.count]
    random.Random(known.seed).shuffle(found)
    return found[: known.count]


def answers(
    model: LanguageModel, found: Sequence[texts.Text], known: argparse.Namespace, journal: Journal
) -> list[Written]:
    """Return the answers to all texts, in order: read, or written."""
    prompts = [model.prompt(text.prompt, chat=at % _CHAT_EVERY == _CHAT_EVERY - 1) for at, text in enumerate(found)]
    made: list[Written] = []
    with progress("answers", len(found)) as advance:
        for number, at in enumerate(range(0, len(found), TOGETHER)):
            some = range(at, min(len(found), at + TOGETHER))
            made += journal.batch(number, partial(_batch, model, found, prompts, some, known))
            advance(len(some))
    return made


def _batch(
    model: LanguageModel,
    found: Sequence[texts.Text],
    prompts: Sequence[list[int]],
    some: range,
    known: argparse.Namespace,
) -> list[Written]:
    to_write = [at for at in some if found[at].answer is None]
    drawn = model.write([prompts[at] for at in to_write], known.tokens, known.seed + some.start)
    made = dict(zip(to_write, drawn, strict=True))
    to_read = [at for at in some if at not in made]
    given = [(prompts[at], model.answer(found[at].answer or "", known.tokens)) for at in to_read]
    made |= dict(zip(to_read, model.read(given), strict=True))
    return [made[at] for at in some]


def label(made: Sequence[Written], model: LanguageModel, gate: Scorer, seed: int) -> tuple[Windows, Beginnings]:
    """Return the windows of all answers, and the beginnings of their sentences, as the gate labels them."""
    chance = random.Random(seed)
    found: list[Window] = []
    begun: list[Beginning] = []
    for at, written in enumerate(made):
        spells = spelled(written.tokens, model.tokenizer)
        cut = list(windows(at, written, spells, chance))
        found += cut
        begun += beginnings(cut, spells)
    if not found:
        raise ProbeError("no answer is long enough to be judged before its end; give longer ones (--tokens)")
    judged = [*(window.texts for window in found), *((each.sentence,) for each in begun)]
    with progress("texts judged by the gate", 1) as advance:
        odds = scores(judged, gate, lambda done, whole: advance(int(done >= whole)))
    categories, count = tuple(gate.categories), len(found)
    return Windows(
        answers=np.array([window.answer for window in found], np.int64),
        features=features(((window.answer, window.span) for window in found), made),
        odds=odds[:count],
        categories=categories,
        leading=leading(found, made),
    ), Beginnings(
        answers=np.array([each.answer for each in begun], np.int64),
        features=features(((each.answer, each.span) for each in begun), made),
        odds=odds[count:],
        categories=categories,
        shares=np.array([each.share for each in begun]),
    )
