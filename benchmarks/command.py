"""`unsay bench`: the options, checked, and how a run can end (0 done, 1 failed, 2 wrong options, 130 interrupted)."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.errors import BenchError
from benchmarks.phases import bench
from benchmarks.plan import RUNS, Settings
from reporting.options import above_zero, add_timeout, command_parser, count
from reporting.progress import say

DESCRIPTION = """\
What the guard costs: plain vLLM and the guarded server, over one engine, alternating under the same load.

  unsay bench                                       what `unsay serve` serves: an hour or more on two cores
  unsay bench --model mini                          the smallest: about half an hour
  unsay bench --runs clean,noop --streams 8 --rounds 3
  unsay bench --model Qwen/Qwen3-8B -- --max-model-len 8192 --scorer-device cuda
  unsay bench --runs clean --rounds 1 --tokens 16 --streams 1,4 --out /tmp/try

Everything after -- is for the servers: any flag of `unsay serve` and of `vllm serve`. Into --out go latest.json (all
figures by key), latest.md (a table) and latest.svg (a plot). docs/benchmarks.md says what each figure means.
"""
_DEFAULT_RUNS = tuple(RUNS)


def parser() -> argparse.ArgumentParser:
    """Return the parser of `unsay bench`."""
    usage = "unsay bench [options] [-- any flag of unsay serve or vllm serve]"
    made = command_parser("unsay bench", DESCRIPTION, usage=usage)
    _add_what(made.add_argument_group("what is measured"))
    _add_load(made.add_argument_group("under which load"))
    return made


def main(argv: Sequence[str]) -> int:
    """Run `unsay bench` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    ours, words = _parted(argv)
    return run(read(parser().parse_args(ours), words))


def run(settings: Settings) -> int:
    """Measure as the settings say and return the exit code."""
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        figures, about = bench(settings)
        results.write(settings.out, figures, results.meta(settings, about))
        sys.stdout.write(results.brief(figures) + "\n")
        say(f"{settings.out / 'latest.json'} holds all figures")
    except (BenchError, OSError) as error:
        say(f"unsay bench: {error}")
        return 1
    except KeyboardInterrupt:
        say("unsay bench: interrupted; nothing was written")
        return 130
    return 0


def read(args: argparse.Namespace, words: Sequence[str]) -> Settings:
    """Return the settings of parsed options, whose names are their fields, and of the words after `--`."""
    return Settings(**vars(args), words=tuple(words))


def _parted(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our words, and those after the first `--`."""
    at = list(argv).index("--") if "--" in argv else len(argv)
    return list(argv[:at]), list(argv[at + 1 :])


def _add_what(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--model", metavar="M", help="as for `unsay serve`, and by default its default")
    kinds = "; ".join(f"{run.name}: {run.what}" for run in RUNS.values())
    group.add_argument("--runs", type=_runs, default=_DEFAULT_RUNS, metavar="A,B", help=f"{kinds} (default: all)")
    group.add_argument(
        "--streams", type=_streams, default=(1, 8, 32), metavar="N,M", help="streams at once (default: 1,8,32)"
    )
    group.add_argument(
        "--rounds", type=count, default=7, metavar="N", help="pairs of rounds of each (default: %(default)s)"
    )
    group.add_argument(
        "--out", type=Path, default=Path("benchmarks/results"), metavar="DIR", help="(default: %(default)s)"
    )


def _add_load(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--tokens", type=count, default=128, metavar="N", help="of each answer (default: %(default)s)")
    group.add_argument("--short-tokens", type=count, default=100, metavar="N", help="of short ones (default: 100)")
    group.add_argument(
        "--long-tokens",
        type=count,
        default=2000,
        metavar="N",
        help="of long ones, or as many as the model can hold (default: %(default)s)",
    )
    group.add_argument(
        "--requests", type=count, metavar="N", help="in a round, a stream at least one (default: two, but 8 in all)"
    )
    group.add_argument(
        "--rate", type=above_zero, metavar="R", help="requests a second of open (default: 0.6 of plain's throughput)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of arrivals and samples (default: 0)")
    group.add_argument(
        "--seeded", action="store_true", help="give requests seeds: the same texts on both sides, and fixed windows"
    )
    add_timeout(group)
    group.add_argument(
        "--start-timeout",
        dest="start_seconds",
        type=above_zero,
        default=900.0,
        metavar="SECONDS",
        help="for the servers' start (default: 900)",
    )


def _listed(text: str, each: Callable[[str], object]) -> list[object]:
    found = [each(part) for part in text.split(",")]
    if len(set(found)) != len(found):
        raise argparse.ArgumentTypeError(f"expected each of them once, found {text}")
    return found


def _streams(text: str) -> tuple[int, ...]:
    return tuple(count(str(part)) for part in _listed(text, count))


def _runs(text: str) -> tuple[str, ...]:
    runs = tuple(map(str, _listed(text, str)))
    if not set(runs) <= RUNS.keys():
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(RUNS)}, joined by commas, found {text}")
    return runs if "long" not in runs or "short" in runs else (*runs, "short")  # which long is compared with
