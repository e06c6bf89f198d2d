"""The promises of the design as journeys show them, and the table of what each door kept (`make promises`)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from reporting.markdown import table

T = TypeVar("T")

JOURNEYS = "tests/journeys/test_{}.py"
PROMISES: Mapping[str, str] = {
    "leaks": "nothing flagged leaves, on any route, in any shape: text, ids, alternatives, echo",
    "edges": "nor at stop strings and stop tokens, in prefills, in the first word or the last",
    "rewinding": "what is flagged is taken back and written anew, or refused, cut, masked; the report says which",
    "identity": "clean text is plain vLLM's: text, ids, logprobs, usage, tools, JSON",
    "exact_answers": "after a rewind grammars, stop strings and seeds are what they would have been",
    "failures::test_a_client_that_leaves": "a client that leaves takes everything with it",
    "failures": "without a scorer nothing is released, and it is said",
    "real_classifier": "what is released, the bundled classifier clears as a whole too",
    "concurrency": "many at once: each ends as it would alone",
    "prompts": "prompts are judged where the policy says so",
    "routes::test_moderations": "`/v1/moderations` in OpenAI's shape, from the same scorer",
    "routes::test_wrong_moderations": "`/v1/moderations` in OpenAI's shape, from the same scorer",
    "routes::test_metrics": "`/metrics`: names, labels and counts",
    "routes::test_labels_have": "`/metrics`: names, labels and counts",
    "routes::test_a_request_is_counted": "`/metrics`: names, labels and counts",
    "routes::test_paths": "`/metrics`: names, labels and counts",
    "routes": "readiness, policies, and all other routes of vLLM's",
    "signals": "`moderation` in requests, Azure's and Anthropic's signals, heads of answers",
    "clients": "OpenAI's and Anthropic's own clients read refusals and reports",
    "stored": "stored responses say how they ended, and hold nothing flagged",
    "trace": "a trace accounts for every token",
    "bad_input": "a request loosens nothing; what is wrong is refused by name, or in vLLM's words",
}
"""By journey, and the beginning of a test's name where a journey shows several."""
ALL = tuple(dict.fromkeys(JOURNEYS.format(place.partition("::")[0]) for place in PROMISES))
PASSED, FAILED = "passed", "failed"


def spread(cases: Sequence[T], most: int) -> list[T]:
    """At most so many of the cases, spread over all of them, the first one included."""
    count = min(most, len(cases))
    return [cases[at * len(cases) // count] for at in range(count)]


def promise(nodeid: str) -> str:
    """The promise that a test is about. KeyError if it is about none."""
    file, _, test = nodeid.partition("::")
    journey = Path(file).stem.removeprefix("test_")
    named = (place for place in PROMISES if place.startswith(f"{journey}::"))
    return PROMISES[next((place for place in named if test.startswith(place.partition("::")[2])), journey)]


def kept(outcomes: Iterable[tuple[str, str, str]], doors: Iterable[str]) -> str:
    """The table. `outcomes`: door, test and what came of it, once for each test.

    What reaches into the engine's process is skipped, and not counted.
    """
    counts = Counter((promise(nodeid), door, outcome) for door, nodeid, outcome in outcomes)
    chosen = list(doors)
    rows = dict.fromkeys(PROMISES.values())
    return table(
        ("promise", *(_HEADS[door] for door in chosen)),
        [(row, *(_cell(counts, row, door) for door in chosen)) for row in rows],
    )


_HEADS = {"command": "`unsay serve`", "plugin": "`VLLM_PLUGINS=unsay vllm serve`"}


def _cell(counts: Mapping[tuple[str, str, str], int], row: str, door: str) -> str:
    passed, failed = (counts.get((row, door, outcome), 0) for outcome in (PASSED, FAILED))
    return f"{passed} of {passed + failed}" if passed + failed else "not tried"
