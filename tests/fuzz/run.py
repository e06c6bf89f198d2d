"""Many cases one after another, and what came of them."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.fuzz.arena import Answer, Arena, arena
from tests.fuzz.case import Case, drawn
from tests.fuzz.oracle import events, wrongs
from tests.live.wire import JSON


@dataclass
class Found:
    """`wrong` holds the first cases by what was wrong with them."""

    streams: int = 0
    refused: int = 0
    compared: int = 0
    features: Counter[str] = field(default_factory=Counter)
    leaks: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Case, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.wrong

    def add(self, case: Case, answer: Answer, faults: Iterable[str]) -> None:
        """Count a case and what is wrong with it."""
        self.streams += 1
        self.refused += 400 <= answer.status < 500
        self.features.update(case.features)
        for fault in faults:
            self.wrong.append((case, fault))
            (self.leaks if fault.startswith("leak") else self.errors).update(case.features)

    def table(self) -> Table:
        """By feature: streams, and how many leaks and errors there were in them."""
        table = Table(title=f"{self.streams} streams, {self.refused} refused with 4xx, {self.compared} compared")
        for name in ("feature", "streams", "leaks", "errors"):
            table.add_column(name, justify="left" if name == "feature" else "right")
        for name, count in sorted(self.features.items()):
            table.add_row(name, str(count), str(self.leaks[name]), str(self.errors[name]))
        return table


async def fuzz(
    numbers: Iterable[int], route: str | None = None, *, enough: int | None = None, tell: Callable[[str], None] = print
) -> Found:
    """Play the cases; stop early once `enough` were wrong. Tells what is wrong, and now and then how it goes."""
    found, told = Found(), time.monotonic()
    async with arena() as stage:
        for number in numbers:
            known = len(found.wrong)
            await _played(stage, drawn(number, stage.tokenizer, route), found)
            for case, fault in found.wrong[known:]:
                tell(f"{fault} (--only {case.number})")
            if enough is not None and len(found.wrong) >= enough:
                break
            if time.monotonic() - told > 10:
                told = time.monotonic()
                tell(f"{found.streams} streams, {sum(found.leaks.values())} leaks, {len(found.wrong)} wrong")
    return found


async def _played(stage: Arena, case: Case, found: Found) -> None:
    answer = await stage.play(case)
    faults = list(wrongs(case, answer, stage.tokenizer))
    if not faults and _comparable(case, answer):  # once more, whole instead of as a stream, or the other way round
        found.compared += 1
        turned = _turned(case)
        other = await stage.play(case, stream=turned.streams, detox=turned.body["detox"])
        faults += wrongs(turned, other, stage.tokenizer)
        if not faults and _comparable(case, other) and said(answer) != said(other):
            faults.append(f"error: a stream says {said(answer)!r}, the whole {said(other)!r}")
    found.add(case, answer, faults)


def _turned(case: Case) -> Case:
    """The case as it is asked for the second time."""
    turned = drawn(case.number, case.writer.tokenizer, case.route)
    turned.body["stream"] = not case.streams
    turned.body["detox"].pop("trace", None)
    return turned


def _comparable(case: Case, answer: Answer) -> bool:
    """Whether the same request says the same again: everything about it is clean, and nobody leaves or fails.

    Of a tool call or a thought that only begins vLLM's parsers for chats make something else in a stream.
    """
    steady = case.scorer in ("honest", "late") and case.leaves_after is None
    steady = steady and case.route == "completions"
    return steady and answer.status == 200 and answer.body.count(b'"action":"clean"') == case.choices


def said(answer: Answer) -> dict[int, str]:
    """The text of each choice of a completion or chat."""
    texts: dict[int, str] = {}
    for event in events(answer):
        for choice in event["choices"]:
            part = choice.get("message") or choice.get("delta") or {}
            text = choice.get("text") if "text" in choice else part.get("content")
            texts[choice["index"]] = texts.get(choice["index"], "") + (text or "")
    return texts


def report(found: Found, console: Console, most: int = 5) -> None:
    """The table, and the first cases that were wrong with what replays them."""
    console.print(found.table())
    for case, fault in found.wrong[:most]:
        console.print(
            f"{fault}\n  --only {case.number} --route {case.route}\n  {json.dumps(_shown(case.body))}", markup=False
        )


def _shown(body: JSON) -> JSON:
    return {key: value for key, value in body.items() if key != "model"}
