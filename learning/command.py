"""`unsay learn`: the options, and how a run can end (0 done, 1 failed or not passed, 2 wrong options)."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from filters.scorer import FilterError
from learning import promotion
from learning.errors import LearnError
from reporting.options import command_parser, count
from reporting.progress import say
from server.errors import StartError
from server.policy import catalog
from server.policy.policy import NAME_RULE, Thresholds
from server.settings import BUNDLED_CLASSIFIER

DESCRIPTION = """\
Learn beside the classifier, whose weights are never touched (docs/learning.md):

  unsay learn --learned DIR --category spoilers --data spoilers.jsonl    a category of your own
  unsay learn --learned DIR --feedback export.jsonl --gate cases.jsonl   corrections from feedback
  unsay learn report --learned DIR                                       what the candidate's shadow has seen
  unsay learn promote [VERSION] --learned DIR                            put it in force, while servers run
  unsay learn rollback --learned DIR                                     one step back

What is learned is a version in DIR. One that fails no test runs beside the current one on a share of the traffic of
every server that was started with `--learned DIR`, and changes nothing until it is promoted.
"""
_STEPS = ("promote", "rollback", "report")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,63}")


def main(argv: Sequence[str]) -> int:
    """Run `unsay learn` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    try:
        return _step(argv) if argv and argv[0] in _STEPS else _learn(parser().parse_args(argv))
    except (LearnError, FilterError, StartError, OSError) as error:
        say(f"unsay learn: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of what is to be learned; `promote`, `rollback` and `report` have their own."""
    made = command_parser("unsay learn", DESCRIPTION)
    _add_folder(made)
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--category", type=_name, metavar="NAME", help="learn a category of this name from --data")
    what.add_argument("--feedback", type=Path, metavar="EXPORT", help="learn corrections from exported feedback")
    made.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="with --category its texts with labels; with --feedback more base data, beside the bundled ones",
    )
    made.add_argument("--gate", type=Path, action="append", default=[], metavar="FILE", help="held-out tests")
    made.add_argument("--shadow", type=_share, default=0.1, metavar="SHARE", help="of the traffic (default: 10%%)")
    made.add_argument("--policy-file", type=Path, metavar="F", help="its default policy says the thresholds")
    made.add_argument("--detoxify", default=str(BUNDLED_CLASSIFIER), metavar="NAME|PATH", help="default: bundled")
    made.add_argument("--threads", type=count, default=1, metavar="N", help="CPU threads (default: 1)")
    return made


def thresholds(policy_file: Path | None) -> Thresholds:
    """Return the thresholds of the default policy. StartError for a file that cannot be used."""
    found = catalog.load(policy_file) if policy_file else catalog.builtin()
    return found.default.thresholds


def _learn(args: argparse.Namespace) -> int:
    if args.category and len(args.data) != 1:
        raise LearnError("--data", f"found {len(args.data)}, expected one file of texts with labels for --category")
    from filters.scorers.detoxify import DetoxifyScorer
    from learning.reader import Reader
    from learning.work import Place, learn_category, learn_feedback

    place = Place(args.learned, thresholds(args.policy_file), args.gate, args.shadow)
    reader = Reader(DetoxifyScorer.load(args.detoxify, threads=args.threads))
    if args.category:
        made = learn_category(reader, place, args.category, args.data[0])
    else:
        made = learn_feedback(reader, place, args.feedback, args.data)
    lines = [*made.said, *(outcome.line() for outcome in made.outcomes)]
    word = f"in the shadow of {args.shadow:.0%}" if made.passed else "not promoted: it has failed a test"
    _say([*lines, f"{made.name}: {word}"])
    return 0 if made.passed else 1


def _step(argv: Sequence[str]) -> int:
    steps = argparse.ArgumentParser(f"unsay learn {argv[0]}", allow_abbrev=False)
    _add_folder(steps)
    if argv[0] == "promote":
        steps.add_argument("version", nargs="?", metavar="VERSION", help="default: the candidate")
    args = steps.parse_args(argv[1:])
    if argv[0] == "report":
        return _say(promotion.report(args.learned))
    step = promotion.promote(args.learned, args.version) if argv[0] == "promote" else promotion.roll_back(args.learned)
    alone = "the classifier alone"
    return _say([f"in force: {step.current or alone}; before it: {step.before or alone}"])


def _say(lines: Sequence[str]) -> int:
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _add_folder(made: argparse.ArgumentParser) -> None:
    made.add_argument("--learned", type=Path, required=True, metavar="DIR", help="where versions are kept")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected {NAME_RULE}")
    return text


def _share(text: str) -> float:
    number = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if number is None or not 0 <= float(number[1]) <= 100:
        raise argparse.ArgumentTypeError(f"expected a share from 0% to 100%, found {text}")
    return float(number[1]) / 100
