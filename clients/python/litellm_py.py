"""LiteLLM's SDK, by its provider for vLLM."""

import litellm
import seen

ASK = {"messages": [{"role": "user", "content": seen.PROMPT}], "max_tokens": 12}

OWN = {"model": f"hosted_vllm/{seen.MODEL}", "api_base": f"{seen.URL}/v1", "api_key": "none"}
answer = litellm.completion(**OWN, **ASK)
seen.works("chat", answer.choices[0].message.content)
seen.report("`choice.provider_specific_fields['detox']`", lambda: answer.choices[0].provider_specific_fields["detox"])
seen.report("`choice.detox`", lambda: answer.choices[0].detox)
seen.report(
    "`_hidden_params['additional_headers']['llm_provider-x-detox-action']`",
    lambda: answer._hidden_params["additional_headers"]["llm_provider-x-detox-action"],
)
chunks = list(litellm.completion(**OWN, **ASK, stream=True))
seen.works("stream", "".join(chunk.choices[0].delta.content or "" for chunk in chunks))
refused = litellm.completion(**OWN, **ASK, extra_headers=seen.WITHHELD).choices[0]
seen.refusal(f"`finish_reason: {refused.finish_reason}`, content {refused.message.content!r}")
seen.tell()
