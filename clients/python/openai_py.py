"""OpenAI's Python client: chat, completions, responses, Azure, moderation, models."""

import seen
from openai import AzureOpenAI, OpenAI

client = OpenAI(base_url=f"{seen.URL}/v1", api_key="none", max_retries=0)
ASK = {"model": seen.MODEL, "messages": [{"role": "user", "content": seen.PROMPT}], "max_tokens": 12}

chat = client.chat.completions.with_raw_response.create(**ASK)
answer = chat.parse()
seen.works("chat", answer.choices[0].message.content)
seen.report("`choice.model_extra['detox']`", lambda: answer.choices[0].model_extra["detox"])
seen.report("`with_raw_response`: `headers['x-detox-action']`", lambda: chat.headers["x-detox-action"])

chunks = list(client.chat.completions.create(**ASK, stream=True))
seen.works("stream", "".join(chunk.choices[0].delta.content or "" for chunk in chunks))
seen.report("last chunk of a choice", lambda: chunks[-1].choices[0].model_extra["detox"])

seen.works("completions", client.completions.create(model=seen.MODEL, prompt=seen.PROMPT, max_tokens=8).choices)
response = client.responses.create(model=seen.MODEL, input=seen.PROMPT, max_output_tokens=12)
seen.works("responses", response.output_text)
seen.report("`response.model_extra['detox']`", lambda: response.model_extra["detox"])

moderated = client.chat.completions.create(**ASK, moderation={"model": "omni-moderation-latest"})
seen.works("`moderation` in a request", moderated.moderation.output.results)
seen.report("`completion.moderation`", lambda: moderated.moderation)
last = list(client.chat.completions.create(**ASK, stream=True, moderation={"model": "omni-moderation-latest"}))[-1]
seen.works("`moderation` in a stream", last.moderation)
seen.works("`moderations`", client.moderations.create(input="a kind word").results)
seen.works("`models.retrieve`", client.models.retrieve(seen.MODEL).id == seen.MODEL)

azure = AzureOpenAI(azure_endpoint=seen.URL, api_key="none", api_version="2024-10-21")
seen.works("AzureOpenAI", azure.chat.completions.create(**ASK).choices[0].model_extra["content_filter_results"])

refused = client.chat.completions.create(**ASK, extra_headers=seen.WITHHELD).choices[0]
seen.refusal(f"`finish_reason: {refused.finish_reason}`, content {refused.message.content!r}")
response = client.responses.create(
    model=seen.MODEL, input=seen.PROMPT, max_output_tokens=12, extra_headers=seen.WITHHELD
)
seen.refusal(f"responses: `{response.status}`, `{response.incomplete_details.reason}`")
seen.tell()
