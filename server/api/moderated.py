"""What moderation found of a request, as OpenAI tells it in the answer: the object `moderation` (openai 3.52).

1. A text for which there is no verdict, or not for all of it, is told as an error, never as one that is not flagged.
2. The input is one text. Chat lists a result for each choice of the output; the other APIs tell one of all of it.
3. Of an output that was withheld the result says what it was withheld for. What was taken back on the way, and is not
   in the answer, flags nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from filters.category import Category
from filters.highest import highest
from filters.scorer import Scores
from server.api.openai_categories import result
from server.generation.report import PromptFinding, Report
from server.generation.request import GuardedRequest
from server.policy.policy import Policy
from server.policy.standard import standard

NO_VERDICT = "no_verdict"


def listed(request: GuardedRequest) -> dict[str, Any]:
    """Return the object of a chat or a completion: both sides have a list of results."""
    reports = _reports(request)
    scorer = reports[0].scorer
    outputs = [_output([report], request.policy) for report in reports]
    return {
        "input": _list([_input(reports, request.policy)], scorer),
        "output": _list(outputs, scorer),
    }


def single(request: GuardedRequest) -> dict[str, Any]:
    """Return the object of a response or a message: both sides have one result."""
    reports = _reports(request)
    return {"input": _input(reports, request.policy), "output": _output(reports, request.policy)}


def _reports(request: GuardedRequest) -> Sequence[Report]:
    """Return the reports in the order of their choices. There is at least one."""
    return [request.reports[index] for index in sorted(request.reports)]


def _list(results: Sequence[dict[str, Any]], scorer: str) -> dict[str, Any]:
    failed = next((each for each in results if each["type"] == "error"), None)
    return failed or {"type": "moderation_results", "model": scorer, "results": list(results)}


def _input(reports: Sequence[Report], policy: Policy) -> dict[str, Any]:
    findings = [report.prompt or PromptFinding() for report in reports]
    if any(finding.flagged is None for finding in findings):
        return _error(next((report.scorer_failure for report in reports if report.scorer_failure), None))
    scores = highest([finding.scores for finding in findings])
    flagged = any(finding.flagged for finding in findings)
    exceeded = standard(policy).strictest.exceeded(scores) if flagged else ()
    return _result(scores, exceeded, reports[0].scorer, flagged=flagged)


def _output(reports: Sequence[Report], policy: Policy) -> dict[str, Any]:
    failed = next((report for report in reports if report.scorer_failure and not report.filtered), None)
    if failed is not None:
        return _error(failed.scorer_failure)
    scores = highest([report.scores for report in reports])
    exceeded = {category for report in reports for category in _exceeded(report, policy)}
    withheld = any(report.withheld and report.cut_short is None for report in reports)
    return _result(scores, exceeded, reports[0].scorer, flagged=bool(exceeded) or withheld)


def _exceeded(report: Report, policy: Policy) -> Iterable[Category]:
    """Return the categories for which the text of a choice is flagged, as far as it left, or was withheld."""
    if report.withheld:
        return report.filtered
    if report.action != "flagged":
        return ()
    return report.detected.intersection(standard(policy).strictest.exceeded(report.scores))


def _result(scores: Scores, exceeded: Iterable[Category], scorer: str, *, flagged: bool) -> dict[str, Any]:
    told = {"type": "moderation_result", "model": scorer, **result(scores, frozenset(exceeded))}
    return {**told, "flagged": flagged}


def _error(reason: str | None) -> dict[str, Any]:
    message = "the scorer gave no verdict" + (f": {reason}" if reason else " in time")
    return {"type": "error", "code": NO_VERDICT, "message": message}
