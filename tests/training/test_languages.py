import random
from typing import Any

from training import languages
from training.examples import Example, letters


def rows(count: int = 400, source: str = "cold") -> list[dict[str, Any]]:
    return [{"text": f"文字 {source} {at}", "toxic": at % 2, "lang": "zh", "source": source} for at in range(count)]


def divided(given: list[dict[str, Any]]) -> tuple[list[Example], dict[str, list[Example]]]:
    return languages.divided(given, random.Random(0))


def test_a_tenth_is_held_out_by_source_and_language_and_never_learnt_from() -> None:
    learnt, held_out = divided(rows())
    assert set(held_out) == {"cold/zh"} and 15 < len(held_out["cold/zh"]) < 75
    kept = {letters(example.text) for example in held_out["cold/zh"]}
    assert not kept & {letters(example.text) for example in learnt}
    assert len(kept) + len(learnt) == 400


def test_copies_are_held_out_together() -> None:
    given = rows()
    doubled = given + [{**row, "text": row["text"].upper() + "!"} for row in given]
    learnt, held_out = divided(doubled)
    assert len(learnt) + len(held_out["cold/zh"]) == 800
    assert len({letters(example.text) for example in held_out["cold/zh"]}) * 2 == len(held_out["cold/zh"])


def test_templates_are_capped_and_noisy_labels_weigh_less() -> None:
    learnt, _ = divided(rows(5_000, "templates") + rows(50, "mlma"))
    by_source = {source: [e for e in learnt if e.source == source] for source in ("templates", "mlma")}
    assert len(by_source["templates"]) == 2_000
    assert {example.weights[0] for example in by_source["mlma"]} == {0.5}


def test_labels_tell_of_toxicity_alone() -> None:
    learnt, _ = divided(rows())
    toxic = next(example for example in learnt if example.toxicity)
    assert toxic.targets[0] == 1.0 and set(toxic.weights[1:]) == {0.0}
