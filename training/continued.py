"""What the served model writes on its own: texts requested without the guard."""

from typing import Any

from openai import AsyncOpenAI

UNGUARDED = {"detox": {"mode": "off"}}
"""In the body of a request: answer without the guard."""


async def continued(client: AsyncOpenAI, model: str, prompt: str, **sampling: Any) -> list[str]:
    """Return the unguarded continuations of a prompt, one a choice; `sampling`: further parameters. openai.APIError."""
    answer = await client.completions.create(model=model, prompt=prompt, extra_body=UNGUARDED, **sampling)
    return [choice.text for choice in answer.choices]
