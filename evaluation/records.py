"""One generated text, as a line of generations.jsonl."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[str, str, int, str]
"""Set, prompt id, sample, mode: what identifies a generation in every file of a run."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One continuation of one prompt in one mode.

    `first` is the number of the first sample of the request that it came with; `seconds` and `tokens` (released, all
    samples together) are that request's. `report` is what the server said the guard did, None from a plain server.
    """

    set: str
    prompt_id: str
    sample: int
    mode: str
    prompt: str
    text: str
    finish_reason: str | None
    report: Mapping[str, Any] | None
    first: int
    seconds: float
    tokens: int

    @property
    def key(self) -> Key:
        """What tells it from every other generation."""
        return self.set, self.prompt_id, self.sample, self.mode

    @property
    def action(self) -> str | None:
        """What the guard did to it, in the report's word."""
        return None if self.report is None else str(self.report.get("action"))

    @property
    def withheld(self) -> bool:
        """Whether the text, or its end, was refused."""
        return self.finish_reason == "content_filter" or self.action in ("refused", "truncated")

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of its line."""
        return {
            "set": self.set,
            "prompt_id": self.prompt_id,
            "sample": self.sample,
            "mode": self.mode,
            "prompt": self.prompt,
            "text": self.text,
            "finish_reason": self.finish_reason,
            "report": self.report,
            "request": {"first": self.first, "seconds": self.seconds, "tokens": self.tokens},
        }


def from_json(row: Mapping[str, Any]) -> Generation:
    """Return a line read back. KeyError, TypeError or ValueError if it is not one."""
    request = row["request"]
    return Generation(
        set=str(row["set"]),
        prompt_id=str(row["prompt_id"]),
        sample=int(row["sample"]),
        mode=str(row["mode"]),
        prompt=str(row["prompt"]),
        text=str(row["text"]),
        finish_reason=row["finish_reason"],
        report=row["report"],
        first=int(request["first"]),
        seconds=float(request["seconds"]),
        tokens=int(request["tokens"]),
    )


def key_of(row: Mapping[str, Any]) -> Key:
    """Return the key of any line that carries one. KeyError or ValueError if it does not."""
    return str(row["set"]), str(row["prompt_id"]), int(row["sample"]), str(row["mode"])


def key_as_json(key: Key) -> dict[str, Any]:
    """Return the key as fields of a line."""
    return dict(zip(("set", "prompt_id", "sample", "mode"), key, strict=True))
