"""OpenAI's `moderation` object of a request, as what it asks of a policy of ours.

1. It tightens and never loosens: the stricter of what the policy says and what it asks for holds.
2. Whoever sends it wants scores of the prompt and of the answer: text is scored at least, and the prompt too.
3. `block` on either side turns the guard on, and what has no verdict is not let out. On the input it refuses a flagged
   prompt; on the output no flagged text is let out.
4. Its `model` may have any name: there is one scorer here, which the results name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from server.policy.body import fit_body, without_nulls
from server.policy.looseness import FROM_THE_STRICTEST
from server.policy.policy import STRICT, Policy
from server.policy.shape import Model

KEY = "moderation"


@dataclass(frozen=True, slots=True)
class Moderation:
    """What is asked for: whether a flagged prompt and a flagged answer are to be blocked. Both are scored anyway."""

    blocks_input: bool = False
    blocks_output: bool = False


class _Moderation(BaseModel):
    model_config = STRICT
    model: str
    policy: Mapping[str, object] | None = None


class _Sides(BaseModel):
    model_config = STRICT
    input: Mapping[str, object] | None = None
    output: Mapping[str, object] | None = None


class _Side(BaseModel):
    model_config = STRICT
    mode: Literal["score", "block"]


def parse(raw: object) -> Moderation:
    """Read a `moderation` object; raises BadRequest naming the first key that does not fit."""
    asked = _fit(_Moderation, raw)
    sides = _Sides() if asked.policy is None else _fit(_Sides, asked.policy, "policy")
    return Moderation(_blocks(sides.input, "input"), _blocks(sides.output, "output"))


def tightened(policy: Policy, asked: Moderation) -> Policy:
    """Return the policy with what is asked for where that is stricter; the same one where nothing is."""
    blocks = asked.blocks_input or asked.blocks_output
    least: dict[str, str] = {
        "mode": "enforce" if blocks else "monitor",
        "on_prompt": "refuse" if asked.blocks_input else "score",
    }
    if blocks:
        least["on_scorer_failure"] = "closed"
    changes = {key: word for key, word in least.items() if _stricter(key, word, getattr(policy, key))}
    if asked.blocks_output and policy.on_exhausted == "flag":
        changes["on_exhausted"] = "refuse"
    return policy.model_copy(update=changes) if changes else policy


def _stricter(key: str, word: str, other: str) -> bool:
    words = FROM_THE_STRICTEST[key]
    return words.index(word) < words.index(other)


def _blocks(raw: Mapping[str, object] | None, side: str) -> bool:
    return raw is not None and _fit(_Side, raw, "policy", side).mode == "block"


def _fit(model: type[Model], raw: Any, *place: str) -> Model:
    return fit_body(model, without_nulls(raw), KEY, *place)
