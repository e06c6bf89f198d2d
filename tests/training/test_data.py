import random
from pathlib import Path

import pytest

from tests.training.texts import labelled_rows, prompts, write_collection
from training import data
from training.data import CASED, HELD_OUT_CASED, divide, load, prompt_rows
from training.examples import CATEGORIES, clean, letters


def test_no_held_out_text_and_no_copy_of_one_is_learnt_from() -> None:
    rows = labelled_rows()
    copies = [{**row, "text": row["text"].lower(), "source": "jigsaw/furkancaglayan"} for row in rows[:2_250]]
    split = divide(rows + copies)
    held_out = {letters(example.text) for examples in split.held_out.values() for example in examples}
    learnt = {letters(example.text) for example in split.train}
    assert not held_out & learnt
    assert learnt | held_out == {letters(row["text"]) for row in rows}


def test_each_source_holds_its_share_out() -> None:
    held_out = divide(labelled_rows()).held_out
    assert len(held_out[CASED]) == HELD_OUT_CASED
    assert 60 < len(held_out["civil_comments"]) < 140
    assert len(held_out["paradetox"]) % 100 == 0
    assert "madlibs" not in held_out


def test_the_parting_is_the_same_every_time() -> None:
    assert divide(labelled_rows()) == divide(labelled_rows())


def test_prompts_have_six_targets_and_those_without_scores_are_left_out() -> None:
    (first, second, *_) = prompts(2)
    second["prompt"]["threat"] = None
    second["continuation"]["text"] = " "
    rows = prompt_rows([first, second])
    assert [row["text"] for row in rows] == [first["prompt"]["text"], first["continuation"]["text"]]
    assert len(rows[0]["labels"]) == len(CATEGORIES)


def test_a_source_with_a_cap_keeps_so_many_and_the_others_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_CAPS", {"madlibs": 3})
    examples = [clean(f"{number}", "madlibs" if number % 2 else "other") for number in range(20)]
    kept = data.capped(examples, random.Random(0))
    assert sum(example.source == "madlibs" for example in kept) == 3
    assert [example for example in kept if example.source == "other"] == examples[::2]
    assert kept == sorted(kept, key=examples.index)


def test_everything_is_loaded_the_same_for_the_same_seed(tmp_path: Path) -> None:
    write_collection(tmp_path)
    split, other = load(tmp_path, seed=1), load(tmp_path, seed=2)
    assert split == load(tmp_path, seed=1)
    assert split.held_out == other.held_out
    sources = {example.source for example in split.train}
    templates = {"neutral_identity", "hostile_identity", "benign", "contrasts/en", "contrasts/tr"}
    assert {"prose", "named_prose", "rtp", "germeval2018"} | templates <= sources
    assert "germeval2018/de" in split.held_out


def test_prose_is_clean_and_only_sentences_of_some_length_are_taken(tmp_path: Path) -> None:
    write_collection(tmp_path)
    found = data.prose(tmp_path, random.Random(0))
    assert all(5 <= len(example.text.split()) <= 60 and set(example.targets) == {0.0} for example in found)
    assert not any("Short." == example.text for example in found)
