"""Haystack's OpenAIChatGenerator."""

import seen
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

actions: list[str | None] = []
HOOKS = {"response": [lambda response: actions.append(response.headers.get("x-detox-action"))]}
OWN = {"model": seen.MODEL, "api_base_url": f"{seen.URL}/v1", "api_key": Secret.from_token("none"), "max_retries": 0}
ASK = [ChatMessage.from_user(seen.PROMPT)]
LIMIT = {"max_tokens": 12}

reply = OpenAIChatGenerator(**OWN, generation_kwargs=LIMIT, http_client_kwargs={"event_hooks": HOOKS}).run(ASK)[
    "replies"
][0]
seen.works("chat", reply.text)
seen.report("`reply.meta['detox']`", lambda: reply.meta["detox"])
seen.report("an `event_hooks` entry in `http_client_kwargs`: `headers['x-detox-action']`", lambda: actions[0])
pieces: list[str] = []
OpenAIChatGenerator(**OWN, generation_kwargs=LIMIT, streaming_callback=lambda chunk: pieces.append(chunk.content)).run(
    ASK
)
seen.works("stream", "".join(pieces))
refused = OpenAIChatGenerator(**OWN, generation_kwargs={**LIMIT, "extra_headers": seen.WITHHELD}).run(ASK)["replies"][0]
seen.refusal(f"`meta['finish_reason']: {refused.meta['finish_reason']}`, text {refused.text!r}")
seen.tell()
