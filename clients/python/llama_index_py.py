"""LlamaIndex's OpenAILike."""

import seen
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

OWN = {"model": seen.MODEL, "api_base": f"{seen.URL}/v1", "api_key": "none", "max_tokens": 12, "max_retries": 0}
OWN |= {"context_window": 512, "is_chat_model": True}
ASK = [ChatMessage(role="user", content=seen.PROMPT)]

model = OpenAILike(**OWN)
answer = model.chat(ASK)
seen.works("chat", answer.message.content)
seen.report("`response.raw.choices[0].model_extra['detox']`", lambda: answer.raw.choices[0].model_extra["detox"])
chunks = list(model.stream_chat(ASK))
seen.works("stream", chunks[-1].message.content)
seen.report("stream: `raw` of the last chunk", lambda: chunks[-1].raw.choices[0].model_extra["detox"])

refused = OpenAILike(**OWN, default_headers=seen.WITHHELD).chat(ASK)
ending = refused.raw.choices[0].finish_reason
seen.refusal(f"content {refused.message.content!r}; `raw.choices[0].finish_reason: {ending}`")
seen.tell()
