"""What one request may ask for: the work of every request is bounded, and a 400 names the key, the bound and a remedy.

The bounds are the operator's (server/limits.py).
"""

from dataclasses import dataclass

from server.errors import BadRequest
from server.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked for, by the names of `Limits`; alternatives of the prompt's tokens and of those to be drawn."""

    choices: int = 0
    prompt_characters: int = 0
    prompt_alternatives: int = 0
    drawn_alternatives: int = 0

    def __add__(self, more: "Demand") -> "Demand":
        """Return both together."""
        return Demand(
            choices=self.choices + more.choices,
            prompt_characters=self.prompt_characters + more.prompt_characters,
            prompt_alternatives=self.prompt_alternatives + more.prompt_alternatives,
            drawn_alternatives=self.drawn_alternatives + more.drawn_alternatives,
        )

    def check(self, limits: Limits) -> None:
        """Raise BadRequest if it goes over one of the limits."""
        if self.choices > limits.choices:
            what, remedy = "answers to one request, over all of its prompts", "ask for fewer, in several requests"
            raise _too_much("n", limits.choices, what, self.choices, remedy)
        if self.prompt_characters > limits.prompt_characters:
            what, remedy = "characters in the prompts that are judged", "send fewer of them, or shorter ones"
            raise _too_much("prompt", limits.prompt_characters, what, self.prompt_characters, remedy)
        found = self.prompt_alternatives + self.drawn_alternatives
        if found > limits.alternatives:
            of_the_prompt = self.prompt_alternatives > self.drawn_alternatives
            key = "prompt_logprobs" if of_the_prompt else "logprobs"
            remedy = f"ask for fewer, or {'send a shorter prompt' if of_the_prompt else 'set a lower max_tokens'}"
            raise _too_much(key, limits.alternatives, "alternatives, over all tokens", found, remedy)


def check_moderation(characters: int, limits: Limits) -> None:
    """Raise BadRequest for a moderation of too many characters."""
    if characters > limits.moderation_characters:
        what, remedy = "characters in all texts together", "send them in several requests"
        raise _too_much("input", limits.moderation_characters, what, characters, remedy)


def _too_much(key: str, most: int, what: str, found: int, remedy: str) -> BadRequest:
    return BadRequest(key, f"{key}: expected at most {most} {what}, found {found}; {remedy}")
