"""Which tests are marked how, by where they stand and what they ask for (pyproject.toml says what a mark means)."""

from collections.abc import Collection

PLACES = {
    "tests/browser": "engine",
    "tests/engine": "engine",
    "tests/fuzz": "engine",
    "tests/journeys": "engine",
    "tests/benchmarks": "slow",
    "tests/contract/test_scorer.py": "slow",
    "tests/dashboards/test_live.py": "slow",
    "tests/deploy/test_alerts.py": "slow",
    "tests/deploy/test_helm.py": "slow",
    "tests/deploy/test_helm_values.py": "slow",
    "tests/deploy/test_linters.py": "slow",
    "tests/deploy/test_platforms.py": "slow",
    "tests/docs/test_site.py": "slow",
    "tests/evading": "slow",
    "tests/evaluation/test_main.py": "slow",
    "tests/evaluation/test_perplexity.py": "slow",
    "tests/examples/test_learning_demo.py": "slow",
    "tests/feedback/test_review_page.py": "slow",
    "tests/filters/scorers": "slow",
    "tests/learning": "slow",
    "tests/probing": "slow",
    "tests/telemetry/test_processes.py": "slow",
    "tests/test_detector.py": "slow",
    "tests/test_main.py": "slow",
    "tests/test_replicas.py": "slow",
    "tests/servers": "slow",
    "tests/test_sharing.py": "slow",
    "tests/test_smollm2.py": "slow",
    "tests/training": "slow",
}
"""By the folder or file, from the root of the tree."""
SHARING = ("tests/journeys", "tests/engine/drafting/test_contract.py", "tests/benchmarks/test_rewinds.py")
"""Where the tests stand that ask for the shared engine: they run in one process (tests/conftest.py)."""
FIXTURES = {"servers": "engine", "detoxify_scorer": "slow", "reader": "slow"}
PATIENT = frozenset({"engine", "property", "slow"})
"""Marks of tests that may take longer than pyproject.toml allows the others."""
PATIENCE_SECONDS = 300
DOOR_SECONDS = 600
"""Of a test before which real servers may have to be started."""
QUICK = "not engine and not slow"
"""What `make quick` gives to `-m`. Places with these marks are then not even imported: vLLM and torch take seconds."""


def marks(path: str, fixtures: Collection[str] = (), *, of_property: bool = False) -> set[str]:
    """The marks of a folder, a file, or a test in that file that asks for these fixtures."""
    found = {mark for place, mark in PLACES.items() if f"{path}/".startswith(f"{place}/")}
    found |= {mark for fixture, mark in FIXTURES.items() if fixture in fixtures}
    return found | {"property"} if of_property else found


def together(path: str) -> str:
    """What runs in one process with all else of this name, of a test file: itself, or all that share the engine."""
    return "engine" if any(f"{path}/".startswith(f"{place}/") for place in SHARING) else path
