"""The policies of the test server: small strides, so that short answers have many windows."""

import json
from pathlib import Path
from typing import Any, get_args

from server.policy.catalog import Catalog
from server.policy.policy import DEFAULT_THRESHOLDS, Policy, Strategy

_SMALL: dict[str, Any] = {
    "first_stride": 2,
    "stride": 4,
    "max_stride": 4,
    "context": 24,
    "hold_back": 4,
    "open_to_requests": True,
}

_PATIENT: dict[str, Any] = {"max_rewinds": 200, "max_rewinds_per_span": 40, "max_discarded_tokens": 4000}

RUNGS = tuple(rung for rung in get_args(Strategy) if rung != "self")
"""Those that need no probe of the model: the server has none."""

_STRICT = dict.fromkeys(DEFAULT_THRESHOLDS, 0.2)


def catalog() -> Catalog:
    """`default` and its variants, each named by what sets it apart."""
    policies = (
        Policy(name="default", first_stride=4, stride=8, context=64, hold_back=4),
        Policy(
            name="strict",
            first_stride=4,
            stride=8,
            context=64,
            hold_back=4,
            thresholds=_STRICT,
        ),
        Policy(name="small", **_SMALL),
        Policy(name="patient", **_SMALL, **_PATIENT),
        *(Policy(name=f"only-{rung}", **_SMALL, **_PATIENT, ladder=(rung,)) for rung in RUNGS),
        Policy(name="no-rewinds", **_SMALL, max_rewinds=0),
        Policy(name="truncate", **_SMALL, max_rewinds=0, on_exhausted="truncate"),
        Policy(name="mask", **_SMALL, max_rewinds=2, on_exhausted="mask", mask_text="[gone]"),
        Policy(name="flag", **_SMALL, max_rewinds=1, on_exhausted="flag"),
        Policy(name="fail-open", **_SMALL, on_scorer_failure="open"),
        Policy(name="monitor", **_SMALL, mode="monitor"),
        Policy(name="off", mode="off"),
    )
    return Catalog(
        default=policies[0],
        policies={policy.name: policy for policy in policies},
    )


def written(folder: Path) -> Path:
    """The catalog as a policy file in the folder."""
    made = catalog()
    keys = {name: policy.model_dump(mode="json", exclude_defaults=True) for name, policy in made.policies.items()}
    for policy in keys.values():
        policy.pop("name", None)
    file = folder / "policies.yaml"
    document = {"default": made.default.name, "policies": keys}
    file.write_text(json.dumps(document), encoding="utf-8")
    return file
