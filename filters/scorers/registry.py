"""Every scorer by name, the one place that knows which there are.

  detoxify:NAME|PATH       a classifier of detoxify's, or one in its format, behind its screen if there is one
  remote:URL               a detector in a process of its own, which speaks the detectors API (remote.py)
  entry:MODULE:FUNCTION    what your own function makes: it is given the `Setup` and returns a `Scorer`
  NAME                     the same, of a package that registers the function under this name (entry points, GROUP)

Your own scorer is tried once before it is used. `pytest tests/contract/test_scorer.py --scorer NAME` tries
everything that a scorer promises.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from filters.scorer import Scorer, ScorerLoadError, is_valid, languages_of
from filters.scorers.cascade import Cascade, CascadeObserver
from filters.scorers.checkpoint import find_checkpoint, sha256
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.named import imported, split
from filters.scorers.remote import RemoteScorer
from filters.scorers.screen import Screen

GROUP = "unsay.scorers"
FORMS = ("detoxify:NAME|PATH", "remote:URL", "entry:MODULE:FUNCTION")
_HARMLESS = "A first text."


@dataclass(frozen=True, slots=True)
class Setup:
    """How a scorer is to run.

    `device` is torch's, `threads` how many torch computes with (None: as it is). `deadline_seconds`: scores that take
    longer come too late. `screen` is the folder of a screen made from this very classifier, `observer` its listener.
    """

    device: str = "cpu"
    threads: int | None = None
    deadline_seconds: float = 10.0
    screen: Path | None = None
    observer: CascadeObserver | None = None


def load(spec: str, setup: Setup | None = None) -> Scorer:
    """Return the scorer of this name, ready to score. ScorerLoadError, saying what was expected, if that fails."""
    setup = setup or Setup()
    registered = installed()
    if spec in registered:
        return _made(spec, _registered(spec, registered[spec]), setup)
    names = ", ".join(sorted(registered)) or "none"
    kind, rest = split(spec, FORMS, otherwise=f"the name of one that a package registers (installed: {names})")
    if kind == "detoxify":
        return _detoxify(rest, setup)
    if kind == "remote":
        return _remote(spec, rest, setup)
    return _made(spec, imported(spec, rest), setup)


def fingerprint(spec: str, screen: Path | None) -> str | None:
    """Return the SHA-256 of all files by which this scorer judges, screen included; None where they are elsewhere."""
    kind, _, rest = spec.partition(":")
    if kind != "detoxify":
        return None
    checkpoint = find_checkpoint(rest)
    files = sorted(checkpoint.parent.iterdir()) if Path(rest).is_dir() else [checkpoint]
    files += [] if screen is None else sorted(screen.iterdir())
    listed = "".join(f"{sha256(file)}  {file.name}\n" for file in files if file.is_file())
    return hashlib.sha256(listed.encode()).hexdigest()


def installed() -> dict[str, list[EntryPoint]]:
    """Return what packages register, by name; a name should have one entry, but nobody can keep two packages apart."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.value not in {other.value for other in found.setdefault(point.name, [])}:
            found[point.name].append(point)
    return found


def _registered(name: str, points: list[EntryPoint]) -> Callable[..., Any]:
    if len(points) > 1:
        values = ", ".join(point.value for point in points)
        raise ScorerLoadError(name, f"expected one package to register it, found {values}; uninstall all but one")
    return imported(name, points[0].value)


def _detoxify(name_or_path: str, setup: Setup) -> Scorer:
    """Return the classifier, behind its screen if there is one."""
    classifier = DetoxifyScorer.load(name_or_path, device=setup.device, threads=setup.threads)
    if setup.screen is None:
        return classifier
    screen = Screen.load(setup.screen)
    if screen.teacher != classifier.checksum:
        remedy = "make one with `python -m training.screen`, or say --screen none"
        raise ScorerLoadError(str(setup.screen), f"was made from another classifier than {name_or_path}; {remedy}")
    return Cascade(screen, classifier, setup.observer)


def _remote(spec: str, url: str, setup: Setup) -> Scorer:
    _without_screen(spec, setup)
    if setup.device != "cpu" or setup.threads not in (None, 1):
        raise ScorerLoadError(spec, "it computes elsewhere: device and threads are for the process that serves it")
    return RemoteScorer.load(url, deadline_seconds=setup.deadline_seconds)


def _made(spec: str, make: Callable[..., Any], setup: Setup) -> Scorer:
    """Return what the operator's own function makes, tried once."""
    _without_screen(spec, setup)
    try:
        scorer: Scorer = make(setup)
        (scores,) = scorer.score([_HARMLESS])
        is_sound = scorer.name.isprintable() and isinstance(scorer.ready(), bool) and is_valid(scores)
        is_sound = is_sound and bool(scorer.categories) and tuple(scores) == tuple(scorer.categories)
    except ScorerLoadError:
        raise
    except Exception as error:
        raise ScorerLoadError(
            spec, f"expected a function that makes a scorer ({type(error).__name__}: {error})"
        ) from error
    if not is_sound:
        raise ScorerLoadError(spec, "expected a scorer with a score in 0..1 for each of its categories, in their order")
    if not isinstance(languages_of(scorer), frozenset | None):
        raise ScorerLoadError(spec, "expected its languages to be a frozenset of ISO 639-1 codes, or None for all")
    return scorer


def _without_screen(spec: str, setup: Setup) -> None:
    if setup.screen is not None:
        raise ScorerLoadError(spec, f"screen {setup.screen} bounds a detoxify classifier; leave --screen out")
