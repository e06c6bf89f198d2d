"""lm-evaluation-harness' API models: text from chat, likelihoods from completions."""

import seen
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

OWN = {"model": seen.MODEL, "num_concurrent": 1, "max_retries": 1, "tokenizer_backend": None}
UNTIL = {"until": ["\n\n\n"], "max_gen_toks": 12}


def asked(kind: str, *arguments: object) -> list[Instance]:
    """Return one request of a task."""
    return [Instance(request_type=kind, doc={}, arguments=arguments, idx=0)]


chat = LocalChatCompletion(base_url=f"{seen.URL}/v1/chat/completions", **OWN)
message = [{"role": "user", "content": seen.PROMPT}]
import json  # noqa: E402

from lm_eval.models.api_models import JsonChatStr  # noqa: E402

text = JsonChatStr(json.dumps(message))
seen.works("generate_until (chat)", chat.generate_until(asked("generate_until", text, UNTIL)))
completions = LocalCompletionsAPI(base_url=f"{seen.URL}/v1/completions", **OWN | {"tokenizer_backend": "remote"})
seen.works("loglikelihood (completions)", completions.loglikelihood(asked("loglikelihood", seen.PROMPT, " the")))
refused = LocalChatCompletion(
    base_url=f"{seen.URL}/v1/chat/completions", header={"Authorization": "Bearer none", **seen.WITHHELD}, **OWN
)
seen.refusal(f"the empty text: {refused.generate_until(asked('generate_until', text, UNTIL))!r}")
seen.tell()
