"""Pydantic AI over OpenAI's chat API."""

import asyncio

import seen
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

actions: list[str | None] = []


async def look(response) -> None:  # noqa: ANN001 (its type is that of OpenAI's HTTP client)
    """Note what the head of an answer says."""
    actions.append(response.headers.get("x-detox-action"))


def agent(**headers: str) -> Agent:
    """Return an agent whose client sends these headers."""
    http = DefaultAsyncHttpxClient(event_hooks={"response": [look]})
    own = {"base_url": f"{seen.URL}/v1", "api_key": "none", "max_retries": 0}
    client = AsyncOpenAI(**own, default_headers=headers, http_client=http)
    model = OpenAIChatModel(seen.MODEL, provider=OpenAIProvider(openai_client=client))
    return Agent(model, model_settings={"max_tokens": 12}, retries=0)


result = agent().run_sync(seen.PROMPT)
seen.works("run", result.output)
message = result.all_messages()[-1]
seen.report("`message.provider_details['detox']`", lambda: message.provider_details["detox"])
seen.report("an `event_hooks` entry of the HTTP client: `headers['x-detox-action']`", lambda: actions[0])


async def stream() -> str:
    """Return the text of a run that is streamed."""
    async with agent().run_stream(seen.PROMPT) as run:
        return "".join([piece async for piece in run.stream_text(delta=True)])


seen.works("stream", asyncio.run(stream()))
try:
    result = agent(**seen.WITHHELD).run_sync(seen.PROMPT)
    seen.refusal(f"output {result.output!r}, `finish_reason: {result.all_messages()[-1].finish_reason}`")
except Exception as raised:
    seen.refusal(f"raises `{seen.error(raised)}`")
seen.tell()
