import random
import re
from collections import Counter

import pytest

from training import benign


def test_sentences_are_clean_and_have_no_gap_left() -> None:
    made = benign.harmless(random.Random(0), 900)
    assert len(made) == 900
    assert all(set(example.targets) == {0.0} and example.source == "benign" for example in made)
    assert not any(re.search(r"\{\w+\}", example.text) for example in made)


def test_the_same_seed_gives_the_same_sentences() -> None:
    one, other = (benign.harmless(random.Random(seed), 200) for seed in (1, 2))
    assert benign.harmless(random.Random(1), 200) == one != other


def test_every_gap_can_be_filled_and_every_filler_is_used() -> None:
    gaps = {
        gap for templates in benign.TEMPLATES.values() for text in templates for gap in re.findall(r"\{(\w+)\}", text)
    }
    assert gaps == set(benign.FILLERS)


@pytest.mark.parametrize("kind", benign.TEMPLATES)
def test_every_kind_has_its_share(kind: str) -> None:
    templates = benign.TEMPLATES[kind]
    counts = Counter(templates)
    assert max(counts.values()) == 1 and len(templates) >= 8


def test_code_keeps_its_braces() -> None:
    texts = {example.text for example in benign.harmless(random.Random(3), 9_000)}
    assert any("while (true) { fork(); }" in text.lower() for text in texts)
