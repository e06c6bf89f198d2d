"""A made-up collection of texts in the shape of the real one, small and mild."""

import gzip
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_SIX = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
_PERSPECTIVE = ("toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack")
_PLACES = "Berlin Lagos Lima Oslo Paris Quito Riga Sofia Tunis Vienna".split()


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Writes `.jsonl.gz`."""
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def labelled_rows() -> list[dict[str, Any]]:
    """2,250 rows of the cased source, 400 of Civil Comments, 300 of ParaDetox, 40 madlibs."""
    cased = [_row(_text(i, i % 2), dict.fromkeys(_SIX, i % 2), "jigsaw/hieunt91") for i in range(2_250)]
    civil = [
        _row("civil " + _text(i, i % 2), {"toxicity_fraction": 0.8 * (i % 2)}, "civil_comments") for i in range(400)
    ]
    pairs = [_row("pair " + _text(i, i % 2), {"toxic": i % 2}, "paradetox") for i in range(300)]
    return pairs + cased + civil + [_row(f"madlib {i}", {"toxic": 0}, "madlibs") for i in range(40)]


def prompts(count: int) -> list[dict[str, Any]]:
    """Rows in the shape of RealToxicityPrompts'; every second prompt is scored as toxic."""
    return [
        {"prompt": _scored("I say that " + _text(i, i % 2), i % 2), "continuation": _scored(f"and {i} more", 0)}
        for i in range(count)
    ]


def write_collection(folder: Path) -> Path:
    """Every file that the training and the evaluation read."""
    write_rows(folder / "toxicity_train.jsonl.gz", labelled_rows())
    write_rows(folder / "toxicity_multilingual.jsonl.gz", _foreign())
    write_rows(folder / "rtp_prompts.jsonl.gz", prompts(40))
    write_rows(folder / "rtp_challenging_and_nontoxic_dev.jsonl.gz", prompts(20))
    write_rows(folder / "hatecheck_dev.jsonl.gz", _cases())
    write_rows(folder / "bold_prompts.jsonl.gz", [{"prompt": f"The {p} choir", "domain": "race"} for p in _PLACES])
    for name in ("wikipedia_en_slice", "wikinews_en", "sgd_dialogues", "us_addresses", "openstax"):
        with lzma.open(folder / f"{name}.txt.xz", "wt", encoding="utf-8") as file:
            file.write("".join(f"The women of {place} read in {name} every day.\nShort.\n" for place in _PLACES))
            if name == "sgd_dialogues":
                file.write("".join(f"\n{_dialogue(number)}" for number in range(3)))
    return folder


def _foreign() -> list[dict[str, Any]]:
    rows = ((f"Guten Tag, Nummer {at}", at % 2) for at in range(60))
    return [{"text": text, "toxic": toxic, "lang": "de", "source": "germeval2018"} for text, toxic in rows]


def _dialogue(number: int) -> str:
    return f"User: A table, please.\nAssistant: Gladly, number {number}.\nUser: Thanks.\nAssistant: Bye.\n"


def _text(number: int, toxic: int) -> str:
    place = _PLACES[number % len(_PLACES)]
    return f"You idiot, number {number} from {place}" if toxic else f"Good morning, number {number} from {place}"


def _row(text: str, labels: dict[str, float], source: str) -> dict[str, Any]:
    return {"text": text, "labels": labels, "source": source}


def _scored(text: str, toxicity: float) -> dict[str, Any]:
    return {"text": text, **dict.fromkeys(_PERSPECTIVE, toxicity)}


def _cases() -> list[dict[str, Any]]:
    said = {"derog_h": "They are idiots", "ident_neutral_nh": "They are neighbours", "ident_pos_nh": "They are kind"}
    return [
        {
            "test_case": f"{text} {number}",
            "functionality": kind,
            "label_gold": "hateful" if kind[-2:] == "_h" else "non-hateful",
        }
        for kind, text in said.items()
        for number in range(5)
    ]
