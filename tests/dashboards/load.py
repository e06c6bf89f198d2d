"""Requests that provoke all that the dashboards show: rewinds on every rung, refusals, failures, languages, reloads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from server.keys.key import digest
from tests.dashboards.judging import BREAKS
from tests.live.policies import RUNGS
from tests.live.wire import JSON, PATHS, asking

MODEL = "unsay-mini"
KEY, NARROW = "wide", "narrow"
_SMALL: JSON = {"first_stride": 2, "stride": 4, "max_stride": 4, "context": 24, "hold_back": 2}
_PATIENT: JSON = {"max_rewinds": 60, "max_rewinds_per_span": 8}
SAID = {
    "de": ("Wir gehen heute Abend zusammen in einen Garten und lesen dort", "Du bist ein Dummkopf und bleibst es auch"),
    "fr": ("Nous allons ce soir au jardin pour lire ensemble un livre", "Tu es un nigaud et tu ne changeras jamais"),
}
"""Of each language what is clean, and what is flagged."""


def policies(**default: Any) -> JSON:
    """A policy file; these keys of its default policy are changed."""
    named: dict[str, JSON] = {
        "default": {**_SMALL, **_PATIENT, "on_prompt": "score"},
        **{f"only-{rung}": {**_SMALL, **_PATIENT, "ladder": [rung]} for rung in RUNGS},
        "no-rewinds": {**_SMALL, "max_rewinds": 0},
        "asks": {**_SMALL, "on_prompt": "refuse"},
        "open": {**_SMALL, "on_scorer_failure": "open"},
        "watch": {**_SMALL, "mode": "monitor"},
    }
    named["default"] |= default
    return {"default": "default", "policies": named}


def keys() -> JSON:
    """A file of keys: one that may do all, one that may ask once a minute."""
    return {
        "keys": {
            KEY: {"hash": digest(KEY).hex(), "rights": ["feedback", "loosen"]},
            NARROW: {"hash": digest(NARROW).hex(), "requests_per_minute": 1, "tokens_per_minute": 1000},
        }
    }


def options(folder: Path) -> list[str]:
    """Words of `unsay serve` for a server that is loaded so; its files are in this folder."""
    write(folder / "policies.json", policies())
    write(folder / "keys.json", keys())
    files = {"--policy-file": "policies.json", "--keys-file": "keys.json", "--audit-out": "audit.jsonl"}
    said = [word for option, name in files.items() for word in (option, str(folder / name))]
    return [*said, "--feedback-db", str(folder / "feedback.db"), "--scorer", "entry:tests.dashboards.judging:made"]


def write(file: Path, content: JSON) -> None:
    """Put a file in the place of the one with its name."""
    (other := file.with_suffix(".new")).write_text(json.dumps(content), encoding="utf-8")
    other.replace(file)


def change(folder: Path, turn: int) -> None:
    """Change the files of a server: its policies each time, and once its keys, to what is no such file."""
    write(folder / "policies.json", policies(hold_back=1 - turn))
    if turn:
        write(folder / "keys.json", {"keys": turn})


def _saying(text: str) -> JSON:
    return {"structured_outputs": {"choice": [text]}}


def bodies() -> Iterator[tuple[str, JSON]]:
    """Route and body of every request that writes, without the model's name."""
    yield "completions", {"n": 3, "seed": 3, "temperature": 0.9}
    yield "completions", {"stream": True, "seed": 4, "temperature": 0.9}
    yield "chat", {"seed": 5}
    for rung in RUNGS:
        yield "completions", {"detox": {"policy": f"only-{rung}"}, "seed": 6, "temperature": 0.9, "tokens": 24}
    for policy in ("no-rewinds", "watch"):
        yield "completions", {"detox": {"policy": policy}, "seed": 7}
    for clean, flagged in SAID.values():
        yield "completions", _saying(clean)
        yield "completions", _saying(flagged)
    for policy in ("open", "default"):
        yield "completions", {**_saying(f"A {BREAKS} is what I fear"), "detox": {"policy": policy}}
    for policy in ("default", "asks"):
        yield "completions", {"prompt": "You blockhead, said", "detox": {"policy": policy}, "tokens": 8}
        yield "completions", {"prompt": f"A {BREAKS} of", "detox": {"policy": policy}, "tokens": 8}


def ask(base: str) -> None:
    """Ask a server everything once, as its wide key; one client leaves before the end, one asks too often."""
    allowed, narrow = ({"Authorization": f"Bearer {key}"} for key in (KEY, NARROW))
    with httpx.Client(base_url=base, headers=allowed, timeout=60, verify=False, trust_env=False) as web:
        for route, more in bodies():
            answer = web.post(PATHS[route], json=asking(route, MODEL, **more))
            assert answer.status_code in (200, 503), answer.text
        _leave(web)
        web.post("/v1/moderations", json={"input": ["A garden", "the blockhead"]})
        short = asking("completions", MODEL, tokens=4)
        made = web.post(PATHS["completions"], json=short).json()
        web.post("/v1/feedback", json={"response_id": made["id"], "choice": 0, "verdict": "good"})
        statuses = [web.post(PATHS["completions"], json=short, headers=narrow).status_code for _ in range(2)]
        assert statuses[-1] == 429


def _leave(web: httpx.Client) -> None:
    body = asking("completions", MODEL, tokens=200, stream=True, detox={"policy": "watch"})
    with web.stream("POST", PATHS["completions"], json=body) as answer:
        next(answer.iter_bytes())
