"""The first page of metrics: a counter that nobody has seen at 0 cannot be seen to rise."""

from importlib.metadata import version

from filters.judge import Judge
from filters.languages import CODES
from server.environment import vllm_version
from server.policy.catalog import Catalog
from server.telemetry.metrics import Metrics

GENERATING = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
"""The routes whose series exist from the start; others appear with their first request."""


def introduce(metrics: Metrics, catalog: Catalog, judge: Judge, model: str) -> None:
    """Fill the first page of metrics: every series that this server can count, at 0, and what runs here."""
    expect(metrics, catalog, judge, model)
    metrics.build_info(
        version=version("unsay"),
        vllm_version=vllm_version(),
        detoxify_version=version("detoxify"),
        scorer=judge.scorer_name,
        model=model,
    )


def expect(metrics: Metrics, catalog: Catalog, judge: Judge, model: str) -> None:
    """Have the metrics hold every series that answers under these policies can count."""
    named = {code for policy in catalog.policies.values() for code in policy.languages}
    languages = (named | (judge.languages or frozenset())) & CODES
    metrics.expect(policies=catalog.policies, model=model, routes=GENERATING)
    metrics.expect_answers(catalog.policies, model, languages)
