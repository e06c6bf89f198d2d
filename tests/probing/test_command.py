"""`unsay fit-probe` from end to end: texts that the bundled model reads, a gate that goes by a word, a probe."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from filters.scorers.scripted import ScriptedScorer
from probing import command
from probing.command import chosen, main
from server import probes
from server.settings import BUNDLED_CLASSIFIER

REST = "--miss-rate 0.001 --seed 0 --out probe"
"""Files are told by their names: where they lie is nobody's business."""
CLEAN = (
    "the weather in the valley was mild",
    "she wrote a long letter to her aunt",
    "the train to the coast was late again",
    "they planted apples behind the old house",
)


class Gate(ScriptedScorer):
    """What stands in for the classifier."""

    def __init__(self) -> None:
        super().__init__({"goblin": 0.95}, categories=("toxicity", "insult"))

    @classmethod
    def load(cls, name: str) -> "Gate":
        return cls()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    chance = random.Random(0)
    path = tmp_path / "data.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for at in range(240):
            said = [chance.choice(CLEAN) for _ in range(3)]
            if at % 2:
                said[chance.randrange(2)] = "and you are such a goblin, you goblin"
            file.write(json.dumps({"text": " . ".join(said)}) + "\n")
    return path


def run(*words: str) -> int:
    return main(["mini", *words])


def test_a_probe_is_fitted_and_fits_the_model(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "DetoxifyScorer", Gate)
    out, work = tmp_path / "probe", tmp_path / "work"
    assert run("--data", str(data), "--out", str(out), "--work", str(work)) == 0
    found = probes.load(out)
    assert found.probe.categories == ("toxicity", "insult") and list(work.iterdir()) == []
    card = json.loads((out / probes.CARD).read_text(encoding="utf-8"))
    assert card["command"] == "unsay fit-probe mini --data data.jsonl --count 2048 --tokens 48 " + REST
    assert card["texts"] == 240
    said = capsys.readouterr()
    assert "goblin" not in said.out + said.err, "no text is told"
    assert "Windows held out" in said.err


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([json.dumps({"text": "the weather in the valley was mild and the train was late"})] * 40, "0 of "),
        ([], "found none"),
    ],
    ids=["nothing is flagged", "nothing is there"],
)
def test_texts_from_which_nothing_can_be_learnt_are_refused_in_one_line(
    lines: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "DetoxifyScorer", Gate)
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run("--data", str(path), "--out", str(tmp_path / "probe"), "--work", str(tmp_path / "work")) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("unsay fit-probe: ") and problem in last
    assert not (tmp_path / "probe").exists()


def known(**said: Any) -> Any:
    return command._parser().parse_args(
        ["mini", "--out", "o", *(word for key, value in said.items() for word in (f"--{key}", str(value)))]
    )


def test_without_texts_the_bundled_openings_are_continued_several_times() -> None:
    found = chosen(known(count=200))
    assert len(found) == 200 and len(set(found)) == 80 and all(text.answer is None for text in found)
    assert chosen(known(count=200, seed=1)) != found


def test_given_texts_are_read_and_openings_continued_together(data: Path, tmp_path: Path) -> None:
    more = tmp_path / "openings.txt"
    more.write_text("It\nThen\n", encoding="utf-8")
    found = chosen(known(data=data, prompts=more))
    assert len(found) == 242 and sum(text.answer is None for text in found) == 2


def test_the_gate_is_the_bundled_one_by_default() -> None:
    assert known().detoxify == str(BUNDLED_CLASSIFIER)
