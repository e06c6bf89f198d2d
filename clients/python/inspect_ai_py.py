"""Inspect AI's `openai-api` provider: a task of one sample, as an evaluation runs it."""

import os

os.environ |= {"UNSAYSERVER_API_KEY": "none", "UNSAYSERVER_BASE_URL": f"{os.environ['UNSAY_URL']}/v1"}
import seen
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.scorer import includes


def ran(**headers: str):  # noqa: ANN201 (its type is Inspect's)
    """Return the log of the one sample."""
    config = GenerateConfig(max_tokens=12, max_retries=0, extra_headers=headers or None)
    model = get_model(f"openai-api/unsayserver/{seen.MODEL}", config=config)
    task = Task(dataset=[Sample(input=seen.PROMPT, target="the")], scorer=includes())
    (log,) = eval(task, model=model, display="none", log_dir="logs")
    return log


log = ran()
seen.works("eval", log.status == "success" and log.samples[0].output.completion)
sample = log.samples[0]
seen.report("`output.metadata['detox']`", lambda: sample.output.metadata["detox"])
seen.report(
    "the log's model event: `call.response['choices'][0]['detox']`",
    lambda: next(each for each in sample.events if each.event == "model").call.response["choices"][0]["detox"],
)
refused = ran(**seen.WITHHELD)
output = refused.samples[0].output
seen.refusal(f"`stop_reason: {output.stop_reason}`, completion {output.completion!r}, status `{refused.status}`")
seen.tell()
