"""The whole way: answers are reported over HTTP and reviewed, exported, learned from; a version comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from filters.scorers.state import read_state
from learning import base, command, work
from learning.reader import Reader
from server.audit.chain import in_order, verify
from server.feedback.command import feedback
from tests.learning.reports import MISSED
from tests.learning.site import REVIEWER, Site, learning_site

pytestmark = pytest.mark.timeout(300)
"""It loads a classifier, serves, and learns."""
USERS = [f"user-{number}" for number in range(8)]
UNSEEN = MISSED[40:50]
REVIEWED = 6
HARMLESS = "The library opens at nine on weekdays."


@pytest.fixture
def some_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the base data: all of them take longer to read than all else here."""
    rows = base.BUNDLED.read_text(encoding="utf-8").splitlines(keepends=True)
    path = tmp_path / base.BUNDLED.name
    path.write_text("".join(rows[::4]), encoding="utf-8")
    for module in (base, work):
        monkeypatch.setattr(module, "BUNDLED", path)


@pytest.fixture
async def site(loaded: None, some_base: None, reader: Reader, tmp_path: Path) -> AsyncIterator[Site]:
    """It judges by the classifier that is learned with: nothing is asked of it meanwhile."""
    async with learning_site(tmp_path, USERS) as made:
        yield made
    reader.scorer.teach(None)


async def reports_of(site: Site, texts: Sequence[str], user: str = USERS[0]) -> list[Any]:
    """What is reported of answers that say these texts."""
    return [(await site.say(text, user))["choices"][0]["detox"] for text in texts]


async def actions(site: Site, texts: Sequence[str]) -> list[str]:
    return [report["action"] for report in await reports_of(site, texts)]


async def reported(site: Site) -> int:
    """Have users report what came through to them; how many reports there are."""
    count = 0
    for at, text in enumerate(MISSED[:40]):
        user = USERS[at % len(USERS)]
        answer = await site.say(text, user)
        if answer["choices"][0]["detox"]["action"] == "clean":
            await site.post("/v1/feedback", user, response_id=answer["id"], verdict="missed")
            count += 1
    return count


async def reviewed(site: Site) -> None:
    """Have a reviewer say of some of it that it is toxic."""
    for _ in range(REVIEWED):
        item = (await site.post("/v1/review/next", REVIEWER))["item"]
        assert item["reason"] == "reported" and "snorbel" in item["text"]
        await site.post("/v1/review", REVIEWER, item=item["item"], about="answer", toxic=True)


async def learned(site: Site) -> str:
    """Export what was said and learn from it; the candidate, once it runs in the shadow of all that is judged."""
    export = site.folder / "export.jsonl"
    assert feedback(["export", "verdicts", "--feedback-db", site.database, "--out", str(export)]) == 0
    assert command.main(["--learned", str(site.learned), "--feedback", str(export), "--shadow", "100%"]) == 0
    name = read_state(site.learned).candidate
    assert name is not None
    await site.metrics.until("", name)
    return name


async def step(site: Site, word: str, current: str) -> list[str]:
    """Promote or roll back while one answer follows the other, of which none fails; what judges them, in order."""
    gates: list[str] = []
    begun, over = asyncio.Event(), asyncio.Event()

    async def traffic() -> None:
        while not over.is_set() or len(gates) == 1:
            (report,) = await reports_of(site, [HARMLESS], USERS[1])
            if report["gate"] not in gates[-1:]:
                gates.append(report["gate"])
            begun.set()

    running = asyncio.create_task(traffic())
    await begun.wait()
    assert command.main([word, "--learned", str(site.learned)]) == 0
    await site.metrics.until(current, "")
    over.set()
    await running
    return gates


async def test_from_reports_to_a_version_that_comes_and_goes_while_answers_run(site: Site) -> None:
    before = await actions(site, UNSEEN)
    count = await reported(site)
    await reviewed(site)
    name = await learned(site)
    assert await actions(site, UNSEEN) == before, "a shadow decides nothing"
    assert site.series("unsay_learned_info") == {f'candidate="{name}",current="none"': 1}
    assert site.series("unsay_shadow_compared_total")['flagged_by="candidate"'] >= len(UNSEEN) / 2

    alone, gate = await step(site, "promote", name)
    found = await reports_of(site, UNSEEN)
    assert (
        sum(each["action"] != "clean" for each in found)
        >= 0.9 * len(UNSEEN)
        > 2 * (len(UNSEEN) - before.count("clean"))
    )
    assert gate == f"{alone}+{name}" and {each["gate"] for each in found} == {gate}
    assert site.series("unsay_learned_info") == {f'candidate="none",current="{name}"': 1}
    (judged,) = (await site.post("/v1/moderations", USERS[0], input=UNSEEN[0]))["results"]
    assert judged["flagged"]

    assert await step(site, "rollback", "") == [gate, alone]
    assert await actions(site, UNSEEN) == before
    audited(site, name, count)


def audited(site: Site, name: str, count: int) -> None:
    """The audit log says who said what, and by which version answers were judged."""
    assert verify(in_order([site.folder / "audit.jsonl"])).state == "whole"
    kinds = [line["kind"] for line in site.audit()]
    assert (kinds.count("feedback"), kinds.count("review")) == (count, REVIEWED)
    versions = [line["learned"] for line in site.audit() if line["kind"] == "answer"]
    assert versions.count(name) >= len(UNSEEN) and versions[0] is versions[-1] is None
