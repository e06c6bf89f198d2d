"""`unsay eval`: the options, checked, and how a run can end (0 done, 1 failed, 2 wrong options, 130 interrupted)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.errors import EvaluationError
from evaluation.pairs import GUARDED, UNGUARDED
from evaluation.phases import brief, evaluate
from evaluation.settings import MODES, PLAIN, Settings
from reporting.options import add_timeout, at_least, command_parser, count, within
from reporting.progress import say

DESCRIPTION = """\
Evaluate a running server by the protocol of RealToxicityPrompts: 25 continuations of 20 tokens for every prompt,
without and with the guard side by side, judged afterwards by another classifier than the gate.

  unsay serve --allow-loosen &
  unsay eval --prompts rtp.jsonl.gz --out runs/first --judge detoxify:unbiased
  unsay eval --prompts rtp.jsonl.gz --prompts hatecheck.jsonl --prompts bold.jsonl.gz --limit 200 --out runs/small
  unsay eval --base-url http://vllm:8000/v1 --modes plain --prompts prompts.txt --out runs/other-server

Into --out go generations.jsonl (every text, flagged ones too: readable by you alone), judged.jsonl, perplexity.jsonl,
summary.json and report.html. An interrupted run goes on when the same command is given again.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of `unsay eval`."""
    made = command_parser("unsay eval", DESCRIPTION)
    _add_what(made.add_argument_group("what is evaluated"))
    _add_sampling(made.add_argument_group("what is generated"))
    _add_scores(made.add_argument_group("what is made of it"))
    _add_pace(made.add_argument_group("how fast"))
    return made


def main(argv: Sequence[str]) -> int:
    """Run `unsay eval` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    return run(parser().parse_args(argv))


def run(args: argparse.Namespace) -> int:
    """Evaluate as the parsed options say; return the exit code."""
    try:
        settings = read(args)
        sys.stdout.write(brief(evaluate(settings)) + "\n")
        say(f"{settings.out / 'report.html'} and {settings.out / 'summary.json'} hold all figures")
    except (EvaluationError, OSError) as error:
        say(f"unsay eval: {error}")
        return 1
    except KeyboardInterrupt:
        say(f"unsay eval: interrupted; what was done is in {args.out}, and the same command goes on from there")
        return 130
    return 0


def read(args: argparse.Namespace) -> Settings:
    """Return the settings of parsed options, whose names are its fields. EvaluationError if they do not go together."""
    per_request = min(args.per_request or args.n, args.n)
    settings = Settings(**{**vars(args), "per_request": per_request})
    both = GUARDED in settings.modes and set(UNGUARDED) & set(settings.modes)
    if settings.pairs_out and not (settings.judge and both):
        raise EvaluationError("--pairs-out: needs --judge, and --modes with off (or monitor, or plain) and enforce")
    if settings.policy and set(settings.modes) == {PLAIN}:
        raise EvaluationError(f"--policy: says nothing in mode {PLAIN}; add off or enforce to --modes")
    if settings.judge_key and not (settings.judge or "").startswith("moderations:"):
        raise EvaluationError("--judge-key-file: is for --judge moderations:URL")
    return settings


def _add_what(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--base-url",
        type=lambda text: text.rstrip("/"),
        default="http://localhost:8000/v1",
        metavar="U",
        help="OpenAI's API there (default: %(default)s)",
    )
    group.add_argument("--model", metavar="NAME", help="default: the first that the server names")
    group.add_argument("--api-key-file", dest="api_key", type=_key, metavar="F", help="file with the server's API key")
    group.add_argument(
        "--prompts",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="RealToxicityPrompts, HateCheck or BOLD (.jsonl, .csv, also .gz), or lines of text; may be given again",
    )
    group.add_argument("--limit", type=count, metavar="N", help="at most N prompts of each set, chosen by --seed")
    group.add_argument(
        "--modes",
        type=_modes,
        default=("off", "enforce"),
        metavar="A,B",
        help="of off, monitor, enforce, and plain (no word of the guard); the first is what the others are compared "
        "with (default: off,enforce)",
    )
    group.add_argument("--policy", metavar="NAME", help="one of the server's policies (default: its own default)")


def _add_sampling(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--n", type=count, default=25, help="samples of each prompt (default: 25)")
    group.add_argument("--per-request", type=count, metavar="N", help="samples asked for at once (default: all)")
    group.add_argument("--max-tokens", type=count, default=20, metavar="N", help="length of each (default: 20)")
    group.add_argument("--temperature", type=within(0, 2), default=1.0, metavar="T", help="(default: 1)")
    group.add_argument("--top-p", type=within(0, 1), default=0.9, metavar="P", help="nucleus sampling (default: 0.9)")
    group.add_argument("--seed", type=int, default=0, help="of samples, chosen prompts and bootstrap (default: 0)")


def _add_scores(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    group.add_argument(
        "--judge",
        metavar="KIND:WHAT",
        help="detoxify:NAME|PATH, moderations:URL or entry:MODULE:FUNCTION; another than the gate",
    )
    group.add_argument(
        "--judge-key-file", dest="judge_key", type=_key, metavar="F", help="file with the key of a moderations endpoint"
    )
    group.add_argument("--perplexity", metavar="MODEL", help="language model (folder or name) for perplexity")
    group.add_argument("--device", default="cpu", help="where judge and language model run: cpu (default), cuda")
    group.add_argument(
        "--pairs-out", type=Path, metavar="FILE", help="write preference pairs; THEY HOLD FLAGGED TEXT (default: none)"
    )


def _add_pace(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--concurrency", type=count, default=8, metavar="N", help="requests at once (default: 8)")
    add_timeout(group)
    group.add_argument(
        "--retries", type=at_least(0), default=5, metavar="N", help="of a request that failed (default: 5)"
    )


def _modes(text: str) -> tuple[str, ...]:
    modes = tuple(text.split(","))
    if len(set(modes)) != len(modes) or not set(modes) <= set(MODES):
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(MODES)}, joined by commas, found {text}")
    return modes


def _key(path: str) -> str:
    """Return the key in a file: not an option itself, as every user of a machine sees those."""
    try:
        key = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read ({error})") from None
    if not key or not key.isprintable() or " " in key:
        raise argparse.ArgumentTypeError(f"{path}: expected one line with a key")
    return key
