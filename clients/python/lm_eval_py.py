"""lm-evaluation-harness' API models: text from chat, likelihoods from completions."""

import json

import seen
from lm_eval.api.instance import Instance
from lm_eval.models.api_models import JsonChatStr
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

OWN = {"model": seen.MODEL, "num_concurrent": 1, "max_retries": 1, "tokenizer_backend": None}
TOKENS = {"tokenizer_backend": "huggingface", "tokenizer": seen.MODEL_PATH}
UNTIL = {"until": ["\n\n\n"], "max_gen_toks": 12}


def asked(kind: str, *arguments: object) -> list[Instance]:
    """Return one request of a task."""
    return [Instance(request_type=kind, doc={}, arguments=arguments, idx=0)]


chat = LocalChatCompletion(base_url=f"{seen.URL}/v1/chat/completions", **OWN)
message = [{"role": "user", "content": seen.PROMPT}]
text = JsonChatStr(json.dumps(message))
seen.works("generate_until (chat)", chat.generate_until(asked("generate_until", text, UNTIL)))
completions = LocalCompletionsAPI(base_url=f"{seen.URL}/v1/completions", **OWN | TOKENS)
seen.works("loglikelihood (completions)", completions.loglikelihood(asked("loglikelihood", seen.PROMPT, " the")))
refused = LocalChatCompletion(
    base_url=f"{seen.URL}/v1/chat/completions", header={"Authorization": "Bearer none", **seen.WITHHELD}, **OWN
)
seen.refusal(f"the empty text: {refused.generate_until(asked('generate_until', text, UNTIL))!r}")
seen.tell()
