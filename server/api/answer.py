"""What is added to an answer: the reports of its choices, and an ending that shows when text was withheld.

Works on the shapes of vLLM's answers: choices (chat, completions), a response object (responses), a message (messages).
"""

import json
from collections.abc import Mapping
from typing import Any

from server.api import moderated
from server.api.asgi import scorer_unavailable, shutting_down
from server.errors import Unavailable
from server.generation.report import Report
from server.generation.request import GuardedRequest
from server.guard.state import ACTIONS
from server.policy.resolve import HEADER

ACTION_HEADER = "X-Detox-Action"
UNFINISHED, ENDED_OTHERWISE = ("queued", "in_progress"), ("cancelled", "failed")
"""Words of a response that has no report yet, and of one that has ended before what was withheld could end it."""
REFUSAL = "This answer was withheld."
"""What a Messages answer says of which nothing was released: its clients expect a refusal to have words."""
SEVERITIES = ((0.25, "safe"), (0.5, "low"), (0.75, "medium"))
"""Azure's words for a score below each bound; `high` above them all."""


def written(body: Any) -> bytes:
    """Return a body as vLLM writes it: no spaces, and no escapes but those that JSON needs."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unavailable(request: GuardedRequest) -> Unavailable | None:
    """Return why the request could not be answered to its end, if it could not."""
    if request.shut_down:
        return shutting_down()
    return None if request.scorer_down is None else scorer_unavailable()


def amend(body: dict[str, Any], request: GuardedRequest) -> None:
    """Add reports to a whole answer, in place. Errors and answers without generated text are left alone."""
    if isinstance(body.get("choices"), list):
        amend_choices(body, request)
        if request.wants_moderation and request.reports:
            body["moderation"] = moderated.listed(request)
    elif body.get("object") == "response":
        amend_response(body, request)
    elif body.get("type") == "message":
        if withheld(request) and not any(map(_says_something, body.get("content") or ())):
            body["content"] = [{"type": "text", "text": REFUSAL}]
        amend_message(body, body, request)


def amend_choices(body: dict[str, Any], request: GuardedRequest) -> None:
    """Add the report to every choice that has come to its end (a chunk of a stream mostly has none)."""
    for choice in body["choices"]:
        report = request.reports.get(choice.get("index", 0))
        if report is None or choice.get("finish_reason") is None:
            continue
        if report.withheld:
            choice["finish_reason"] = "content_filter"
        if request.wants_report:
            choice["detox"] = report.as_dict()
            choice["content_filter_results"] = content_filter_results(report)


def amend_response(body: dict[str, Any], request: GuardedRequest) -> None:
    """Amend a Responses answer: one report at the top level for all turns of the model, and why there is none."""
    if body.get("status") == "failed" and (why := unavailable(request)) is not None:
        body["error"] = {"code": "server_error", "message": why.message}
    report = gravest(request.reports)
    if report is None or body.get("status") in UNFINISHED:
        return
    if withheld(request) and body.get("status") not in ENDED_OTHERWISE:
        body["status"] = "incomplete"
        body["incomplete_details"] = {"reason": "content_filter"}
    if request.wants_report:
        body["detox"] = report.as_dict()
    if request.wants_moderation:
        body["moderation"] = moderated.single(request)


def amend_message(body: dict[str, Any], ending: dict[str, Any], request: GuardedRequest) -> None:
    """Amend a Messages answer: the report at the top level, and that API's word for a withheld text in `ending`."""
    report = gravest(request.reports)
    if report is None:
        return
    if withheld(request):
        ending["stop_reason"] = "refusal"
    if request.wants_report:
        body["detox"] = report.as_dict()
    if request.wants_moderation:
        body["moderation"] = moderated.single(request)


def headers(body: Any, request: GuardedRequest) -> dict[str, str]:
    """Return what the head of a whole answer says of its report: many clients drop keys that they do not know.

    Nothing of an answer that has no report, or none yet, or that was asked to have none.
    """
    report = gravest(request.reports)
    unfinished = isinstance(body, dict) and body.get("status") in UNFINISHED
    if report is None or unfinished or not request.wants_report:
        return {}
    return {ACTION_HEADER: report.action, HEADER: report.policy}


def withheld(request: GuardedRequest) -> bool:
    """Return whether any of the answer was withheld."""
    return any(report.withheld for report in request.reports.values())


def _says_something(block: dict[str, Any]) -> bool:
    """Return whether a content block of a message holds more than the empty text."""
    return block.get("type") != "text" or bool(block.get("text"))


def gravest(reports: Mapping[int, Report]) -> Report | None:
    """Return the report with the gravest action; the first of them, if several have it."""
    return min(reports.values(), key=lambda report: ACTIONS.index(report.action), default=None)


def content_filter_results(report: Report) -> dict[str, dict[str, Any]]:
    """Return what was done for each category, in Azure's shape.

    `filtered`: the answer was withheld for it. `detected`: something was flagged for it on the way. `severity`: of what
    was released, or of what the answer was withheld for. For an answer withheld because the scorer failed there is
    nothing else to report.
    """
    if report.withheld and report.scorer_failure and not report.filtered:
        return {"error": {"code": "content_filter_error", "message": f"no verdict: {report.scorer_failure}"}}
    return {
        category: {
            "filtered": category in report.filtered,
            "detected": category in report.detected,
            "severity": severity(score),
        }
        for category, score in {**dict.fromkeys(report.detected, 0.0), **report.scores}.items()
    }


def severity(score: float) -> str:
    """Return a score in Azure's words."""
    return next((word for bound, word in SEVERITIES if score < bound), "high")
