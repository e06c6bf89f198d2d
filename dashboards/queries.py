"""PromQL over our metrics and vLLM's, in which `$instance`, `$model` and `$policy` filter whatever they can.

1. Every series has an instance, and is filtered by it.
2. Series with a label for the model, or the policy, are filtered by that. A server has one model, so the others are
   those of instances that serve one of the chosen models. Those without a policy are of all policies: panels say so.
"""

MODEL_LABELS = {
    "unsay_answers": "model",
    "unsay_build_info": "model",
    "unsay_prompts": "model",
    "unsay_spans": "model",
    "vllm:": "model_name",
}
"""Beginnings of names, and what their label for the model is called."""
BY_POLICY = ("unsay_answers", "unsay_prompts", "unsay_requests", "unsay_spans")
"""Beginnings of the names that have a label for the policy. `unsay_answers_recorded` and the like are told apart."""
_SERVING = 'unsay_build_info{instance=~"$instance",model=~"$model"}'
WINDOW = "$__rate_interval"


def selected(name: str, *matchers: str) -> str:
    """Return the selector of a series, with these matchers and those of the variables."""
    model = _label_of_model(name)
    own = [*matchers, 'instance=~"$instance"']
    own += [f'{model}=~"$model"'] if model else []
    own += ['policy=~"$policy"'] if _has_policy(name) else []
    return f"{name}{{{','.join(own)}}}"


def now(name: str, *matchers: str) -> str:
    """Return a gauge."""
    return _of_model(name, selected(name, *matchers))


def rate(name: str, *matchers: str) -> str:
    """Return how much a counter grows each second."""
    return _of_model(name, f"rate({selected(name, *matchers)}[{WINDOW}])")


def increase(name: str, *matchers: str, over: str = WINDOW) -> str:
    """Return how much a counter has grown within a while."""
    return _of_model(name, f"increase({selected(name, *matchers)}[{over}])")


def total(expression: str, *by: str) -> str:
    """Return the sum, one for each value of these labels."""
    grouped = f" by ({', '.join(by)}) " if by else ""
    return f"sum{grouped}({expression})"


def largest(expression: str, *by: str) -> str:
    """Return the largest, one for each value of these labels."""
    return f"max by ({', '.join(by)}) ({expression})"


def smallest(expression: str, *by: str) -> str:
    """Return the smallest, one for each value of these labels."""
    return f"min by ({', '.join(by)}) ({expression})"


def share(part: str, whole: str) -> str:
    """Return a part of a whole with the same labels."""
    return f"{part} / {whole}"


def share_of_all(part: str, whole: str) -> str:
    """Return parts of a whole that has no label."""
    return f"{part} / on () group_left () {whole}"


def mean(histogram: str) -> str:
    """Return the mean of what a histogram has observed lately."""
    return share(total(rate(f"{histogram}_sum")), total(rate(f"{histogram}_count")))


def quantile(of: float, histogram: str, *by: str) -> str:
    """Return a quantile of what a histogram has observed lately, one for each value of these labels."""
    return f"histogram_quantile({of}, {total(rate(f'{histogram}_bucket'), 'le', *by)})"


def count_up() -> str:
    """Return how many of the servers Prometheus could read."""
    return f"count({_of_model('up', selected('up'))} == 1)"


def _label_of_model(name: str) -> str | None:
    return next((label for start, label in MODEL_LABELS.items() if _begins(name, start)), None)


def _has_policy(name: str) -> bool:
    return any(_begins(name, start) for start in BY_POLICY)


def _begins(name: str, start: str) -> bool:
    """Return whether a series is of the family with this name: a counter, or vLLM's of any name."""
    return name in (start, f"{start}_total") or (start.endswith(":") and name.startswith(start))


def _of_model(name: str, expression: str) -> str:
    return expression if _label_of_model(name) else f"({expression} and on (instance) {_SERVING})"
