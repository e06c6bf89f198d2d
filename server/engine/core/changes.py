"""What an attempt changes in drafting, and how it travels to where vLLM draws tokens.

1. It travels in the extra arguments of a request's sampling parameters, which vLLM hands to its logits processors.
2. Positions count the tokens that the engine's request has drawn, so the first one is 0 whatever the prompt holds.
3. Clients can write extra arguments too: those that are not ours change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ARGUMENT = "unsay"
UNUSABLE_GRAMMAR = "unsay:unusable_grammar"
"""The stop reason of a request that ended in an error because of its own grammar: what comes back the other way."""
LARGEST = (1 << 63) - 1
"""The largest count that the tensors of the logits processors hold."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Tokens `banned` by position, and tokens `avoided` at every position before `until`.

    Before `turned` logits are turned away from where the model's probe sees flagged words come from (sight.py).
    `key` names the request to the scheduler, and the last `kept` tokens of its prompt were drawn by an earlier one.
    """

    key: str
    kept: int = 0
    banned: Mapping[int, Sequence[int]] = field(default_factory=dict)
    avoided: Sequence[int] = ()
    until: int = 0
    turned: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether every token is drawn as the client asked."""
        return not self.banned and not (self.avoided and self.until) and not self.turned

    def put_into(self, extra: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the extra arguments with these changes; any that were there are gone."""
        value = {
            "key": self.key,
            "kept": self.kept,
            "banned": [[at, list(tokens)] for at, tokens in self.banned.items()],
            "avoided": list(self.avoided),
            "until": self.until,
            "turned": self.turned,
        }
        return {**(extra or {}), ARGUMENT: value}


def changes_in(extra: Mapping[str, Any] | None) -> Changes | None:
    """Return the changes that `put_into` put into extra arguments; None if there are none, or others than it makes."""
    value: Any = (extra or {}).get(ARGUMENT)
    try:
        banned = {_number(at): _numbers(tokens) for at, tokens in value["banned"]}
        key, kept, avoided = str(value["key"]), _number(value["kept"]), _numbers(value["avoided"])
        return Changes(key, kept, banned, avoided, _number(value["until"]), _number(value["turned"]))
    except (KeyError, TypeError, ValueError):
        return None


def _numbers(values: Any) -> tuple[int, ...]:
    return tuple(_number(value) for value in values)


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError("not a count")
    return value
