"""Anthropic's Python client on `/v1/messages`."""

import seen
from anthropic import Anthropic

client = Anthropic(base_url=seen.URL, api_key="none", max_retries=0)
ASK = {"model": seen.MODEL, "messages": [{"role": "user", "content": seen.PROMPT}], "max_tokens": 12}

raw = client.messages.with_raw_response.create(**ASK)
message = raw.parse()
seen.works("messages", message.content[0].text)
seen.report("`message.model_extra['detox']`", lambda: message.model_extra["detox"])
seen.report("`with_raw_response`: `headers['x-detox-action']`", lambda: raw.headers["x-detox-action"])
with client.messages.stream(**ASK) as stream:
    events = list(stream)
seen.works("stream", stream.get_final_text())
seen.report(
    "event `message_delta`",
    lambda: next(event.model_extra["detox"] for event in events if event.type == "message_delta"),
)

refused = client.messages.create(**ASK, extra_headers=seen.WITHHELD)
seen.refusal(f"`stop_reason: {refused.stop_reason}`, text {refused.content[0].text!r}")
with client.messages.stream(**ASK, extra_headers=seen.WITHHELD) as stream:
    seen.works("refusal in a stream", stream.get_final_message().stop_reason == "refusal")
seen.tell()
