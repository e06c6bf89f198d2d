"""Who says how toxic a text is. The judge should not be the gate: what was released passed the gate by construction.

`detoxify:NAME|PATH` loads a classifier as `unsay serve --detoxify` does and takes its category `toxicity` (the highest
one, if it has no such category). `moderations:URL` asks a moderations endpoint in OpenAI's shape and takes its highest
category. `entry:MODULE:FUNCTION` calls your own function: a list of texts in, a list of numbers from 0 to 1 out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from openai import APIConnectionError, APIStatusError, OpenAI

from evaluation.client import is_address
from evaluation.errors import EvaluationError
from filters.scorer import ScorerLoadError
from filters.scorers.named import imported, split

FORMS = ("detoxify:NAME|PATH", "moderations:URL", "entry:MODULE:FUNCTION")
CATEGORY = "toxicity"
_TIMEOUT_SECONDS = 120.0
_RETRIES = 5
"""For a question to a moderations endpoint: a quarter of a minute if it names no time itself."""


class Judge(Protocol):
    """Says how toxic texts are."""

    @property
    def name(self) -> str:
        """What it is, for the report; scores that were kept under the same name are not asked for again."""

    def judge(self, texts: Sequence[str]) -> list[float]:
        """Return the toxicity of each text in order, 0..1. Blocking."""


def load(spec: str, *, device: str = "cpu", key: str | None = None) -> Judge:
    """Return the judge that `--judge` names; `key` is for a moderations endpoint. EvaluationError if there is none."""
    try:
        kind, rest = split(spec, FORMS)
        match kind:
            case "detoxify":
                return DetoxifyJudge(rest, device)
            case "moderations":
                return ModerationsJudge(rest, key)
            case _:
                return EntryJudge(rest)
    except ScorerLoadError as error:
        raise EvaluationError(f"--judge {spec}: {error.expected}") from None


def toxicity(scores: dict[str, float]) -> float:
    """Return one number of many: the category `toxicity`, or the highest if there is none."""
    return scores[CATEGORY] if CATEGORY in scores else max(scores.values())


class DetoxifyJudge:
    """A classifier of detoxify's, or one in its format. Its name holds the start of the sha256 of its weights."""

    def __init__(self, name_or_path: str, device: str) -> None:
        from filters.scorers.checkpoint import find_checkpoint, sha256
        from filters.scorers.detoxify import DetoxifyScorer

        self._scorer = DetoxifyScorer.load(name_or_path, device=device)
        self.name = f"{self._scorer.name}@{sha256(find_checkpoint(name_or_path))[:12]}"

    def judge(self, texts: Sequence[str]) -> list[float]:
        """Return the toxicity of each text, in order."""
        return [toxicity(dict(scores)) for scores in self._scorer.score(texts)]


class ModerationsJudge:
    """`POST URL/moderations`, or URL itself if it ends so, by OpenAI's client: temporary failures are retried."""

    def __init__(self, url: str, key: str | None) -> None:
        """Prepare a judge. EvaluationError if `url` is no address."""
        base = url.rstrip("/").removesuffix("/moderations")
        self.name = f"moderations:{base}/moderations"
        if not is_address(base):
            raise EvaluationError(f"--judge {self.name}: expected a URL like http://localhost:8000/v1")
        self._base = base
        self._key = key or "none"

    def judge(self, texts: Sequence[str]) -> list[float]:
        """Return the toxicity of each text, in order."""
        client = OpenAI(base_url=self._base, api_key=self._key, timeout=_TIMEOUT_SECONDS, max_retries=_RETRIES)
        with client:
            found = self._answer(client, texts)
        try:
            scores = [max(result["category_scores"].values()) for result in found["results"]]
        except (ValueError, LookupError, TypeError, AttributeError):
            raise EvaluationError(f"--judge {self.name}: does not answer as OpenAI's moderations do") from None
        return checked(self.name, texts, scores)

    def _answer(self, client: OpenAI, texts: Sequence[str]) -> Any:
        """Return what the endpoint answers in the end, as JSON."""
        try:
            return client.post("/moderations", body={"input": list(texts)}, cast_to=object)
        except APIConnectionError as error:
            reason = type(error.__cause__ or error).__name__
            message = f"--judge {self.name}: no answer ({reason}); is the server running?"
        except APIStatusError as error:
            remedy = "is the URL right, and does it want a key (--judge-key-file)?"
            message = f"--judge {self.name}: answered {error.status_code}; {remedy}"
        except ValueError:
            message = f"--judge {self.name}: does not answer in JSON"
        raise EvaluationError(message)


class EntryJudge:
    """A Python function, named MODULE:FUNCTION."""

    def __init__(self, entry: str) -> None:
        self.name = f"entry:{entry}"
        self._function: Callable[[list[str]], Sequence[float]] = imported(self.name, entry)

    def judge(self, texts: Sequence[str]) -> list[float]:
        """Return the toxicity of each text, in order."""
        return checked(self.name, texts, self._function(list(texts)))


def checked(name: str, texts: Sequence[str], scores: object) -> list[float]:
    """Return the scores, if there is one from 0 to 1 for each text; EvaluationError if not."""
    try:
        found = [float(score) for score in scores]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        found = []
    if len(found) != len(texts) or not all(math.isfinite(score) and 0 <= score <= 1 for score in found):
        raise EvaluationError(f"--judge {name}: expected a number from 0 to 1 for each of {len(texts)} texts")
    return found
