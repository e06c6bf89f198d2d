"""One policy: everything an operator decides about the guard.

1. A policy is frozen and complete: every key has a default, and nobody changes one in place.
2. Types are strict: a bool is no number, a number is no text, NaN is nothing.
3. Everything is counted in tokens, but for `max_rewind_seconds` (seconds) and `thresholds` (scores from 0 to 1).
4. The descriptions below are the documentation: `server.policy.reference` puts them into docs/policies.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from filters.languages import CODES

Mode = Literal["enforce", "monitor", "off"]
OnExhausted = Literal["refuse", "truncate", "mask", "flag"]
OnScorerFailure = Literal["closed", "open"]
OnPrompt = Literal["ignore", "score", "refuse"]
OnUnread = Literal["pass", "hold", "refuse"]
KeepText = Literal["none", "released", "all"]
AuditText = Literal["none", "hash", "full"]
Strategy = Literal["resample", "ban", "clause", "sentence", "previous_sentence", "candidates", "steer", "self"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

NAME_RULE = "a name of 1 to 64 letters, digits, '_', '.', '/' or '-'"
"""For policies and categories alike: both end up in metric labels and headers."""

Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,63}$", json_schema_extra={"expected": NAME_RULE}),
]
Score = Annotated[float, Field(ge=0, le=1)]
Thresholds = Mapping[Name, Score]
Rewinds = Annotated[int, Field(ge=0)]


def _told_apart(languages: Mapping[str, Thresholds]) -> Mapping[str, Thresholds]:
    for code in languages:
        if code not in CODES:
            raise ValueError(f"codes of languages that can be told apart (docs/policies.md), not {code[:8]!r}")
    return languages


Languages = Annotated[Mapping[str, Thresholds], AfterValidator(_told_apart)]

DEFAULT_THRESHOLDS: Thresholds = {
    "toxicity": 0.25,
    "severe_toxicity": 0.5,
    "obscene": 0.5,
    "threat": 0.5,
    "insult": 0.5,
    "identity_attack": 0.5,
}
"""The categories of detoxify's `original` model, by the names detoxify gives them. (.25: docs/decisions/0044.)"""

_SHORTER = {
    "stride": ("first_stride", "as the first window is meant to be the small one"),
    "max_stride": ("stride", "as windows only grow"),
}
"""For each stride the one that must not be longer, and why."""

STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
"""What every model in this package obeys."""


class Policy(BaseModel):
    """The rules that the guard follows for one choice; see docs/policies.md."""

    # Defaults are checked too: `context: 2` alone contradicts the default of `hold_back`.
    model_config = STRICT | ConfigDict(validate_default=True)

    name: Name = Field(
        default="default",
        description="Set by the key under `policies`; appears in reports and metrics.",
    )
    mode: Mode = Field(
        default="enforce",
        description="`enforce` rewinds what is flagged; `monitor` scores and counts only; `off` scores nothing.",
    )
    thresholds: Thresholds = Field(
        default=DEFAULT_THRESHOLDS,
        description="Score from which a category is flagged; categories given here are laid over the default ones.",
    )
    languages: Languages = Field(
        default={},
        description="Thresholds for text in one language, by its code; the rest of them from `thresholds`.",
    )
    first_stride: Annotated[int, Field(ge=1)] = Field(
        default=6,
        description="Fresh tokens before the first scoring of a choice; smaller means a faster first release.",
    )
    stride: Annotated[int, Field(ge=1)] = Field(
        default=16,
        description="Fresh tokens before the next scorings; at least `first_stride`.",
    )
    max_stride: Annotated[int, Field(ge=1)] = Field(
        default=32,
        description="Up to this many fresh tokens once as many were cleared before them; at least `stride`.",
    )
    context: Annotated[int, Field(ge=0)] = Field(
        default=64,
        description="Cleared tokens shown to the scorer before the fresh ones; at least `hold_back`.",
    )
    hold_back: Annotated[int, Field(ge=0)] = Field(
        default=4,
        description="Cleared tokens not released yet: no flagged span of up to this many plus one ever leaves whole.",
    )
    closing_context: Annotated[int, Field(ge=0)] = Field(
        default=512,
        description="How far the last window of an answer reaches back: a shorter answer is judged as a whole.",
    )
    max_rewinds: Rewinds = Field(
        default=16,
        description="Rewinds that one choice of one request may make.",
    )
    max_rewinds_per_span: Annotated[int, Field(ge=0)] = Field(
        default=6,
        description="Rewinds in a row at one place, before the guard gives up there.",
    )
    ladder: Annotated[tuple[Strategy, ...], Field(min_length=1, max_length=64, strict=False)] = Field(
        default=("ban", "ban", "clause", "steer", "candidates", "sentence"),
        description="What to try at one place, a rung at each rewind; the last one is repeated while the budget lasts.",
    )
    parallel_candidates: Annotated[int, Field(ge=2, le=16)] = Field(
        default=3,
        description="Continuations that the rung `candidates` drafts at once; the first clean one goes on.",
    )
    max_discarded_tokens: Annotated[int, Field(ge=0)] = Field(
        default=512,
        description="Tokens that one choice may draft and drop.",
    )
    max_rewind_seconds: Annotated[float, Field(gt=0)] = Field(
        default=30.0,
        description="Seconds that one choice may spend on rewinds.",
    )
    probe_clears: bool = Field(
        default=True,
        description="The model's own probe, where there is one, clears windows before the scorer sees them.",
    )
    probe_alarms: bool = Field(
        default=True,
        description="Where it forecasts a sentence to end flagged, that is scored at once; without a seed.",
    )
    temperature_step: Score = Field(
        default=0.1,
        description="Added to the temperature at every retry of a span, if the request's temperature is above 0.",
    )
    on_exhausted: OnExhausted = Field(
        default="refuse",
        description="What happens when the budgets are spent and the span is still flagged.",
    )
    mask_text: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="[…]",
        description="What stands in for the span when `on_exhausted` is `mask`.",
    )
    on_scorer_failure: OnScorerFailure = Field(
        default="closed",
        description="Scorer down or late: `closed` releases nothing unscored; `open` releases it and says so.",
    )
    on_prompt: OnPrompt = Field(
        default="ignore",
        description="`score` judges the prompt too, and reports it; `refuse` answers a flagged one with a refusal.",
    )
    on_unread: OnUnread = Field(
        default="pass",
        description="Text in a language that the scorer does not read: `pass` lets it through and says so; "
        "`hold` releases nothing more until it can be read; `refuse` ends the answer.",
    )
    keep_text: KeepText = Field(
        default="none",
        description="Text that feedback keeps: `none`; `released`, what left of an answer; `all`, prompts and flagged "
        "text too.",
    )
    audit_text: AuditText = Field(
        default="none",
        description="What the audit log keeps of the text of answers and of flagged spans: `none` of it, its `hash` "
        "(SHA-256), or all of it (`full`).",
    )
    open_to_requests: bool = Field(
        default=False,
        description="Any request may choose this policy by name, even if it is looser than the default one.",
    )

    @property
    def holds_unscored(self) -> bool:
        """Whether text without a verdict is held back."""
        return self.on_scorer_failure == "closed" and self.mode == "enforce"

    def thresholds_in(self, language: str) -> Thresholds:
        """Return the thresholds for text that is surely in a language."""
        return {**self.thresholds, **self.languages.get(language, {})}

    @field_validator("stride", "max_stride")
    @classmethod
    def _not_below_the_one_before(cls, stride: int, info: ValidationInfo) -> int:
        shorter, why = _SHORTER[str(info.field_name)]
        least = info.data.get(shorter, stride)
        if stride < least:
            raise ValueError(f"at least {shorter} ({least}), {why}")
        return stride

    @field_validator("hold_back")
    @classmethod
    def _within_context(cls, hold_back: int, info: ValidationInfo) -> int:
        """Check that held tokens are within the context: they protect only if scored again with the fresh ones."""
        context = info.data.get("context", hold_back)
        if hold_back > context:
            raise ValueError(f"at most context ({context}), as a held token must be scored again with what follows it")
        return hold_back


@dataclass(frozen=True)
class Resolved:
    """What one request runs under: its policy, and whether its answer has the report, OpenAI's moderation, a trace."""

    policy: Policy
    report: bool = True
    moderation: bool = False
    trace: bool = False
