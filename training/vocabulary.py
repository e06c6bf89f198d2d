"""Prunes the word table to the languages that are served: `python -m training.vocabulary --model DIR --out DIR ...`.

An encoder of a hundred languages keeps four fifths of its weights in its word table, most of which is never looked up.
A piece is kept if it is needed often enough to write one of the served languages: how often is counted over the texts
that the classifier learnt from and over word frequencies (the package wordfreq 3.1.1; its lists are CC BY-SA 4.0), each
language with the same share; Hindi in Latin letters, which has no list, over the sentences made in it. What was written
with a removed piece is written with shorter ones, down to single characters, all of which are kept if they occur.
"""

import argparse
import gzip
import json
import random
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from training import contrasts
from training.console import say
from training.examples import read_rows

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "nl", "pl", "pt", "ru", "tr", "zh")
_UNLISTED, _MADE = "hi-Latn", 4_000
_WORDS = "bert.embeddings.word_embeddings.weight"
_CAPITALISED = 0.2  # of how often a word is written; more in German, less elsewhere
_SPECIAL = 4
"""How many entries at the beginning of the table are no pieces of text: begin, padding, end, unknown."""


def frequencies(wheel: Path, language: str) -> Iterator[tuple[str, float]]:
    """Yield the words of a language and their share of its text, from wordfreq's wheel. KeyError if it has none."""
    with zipfile.ZipFile(wheel) as package:
        packed = package.read(f"wordfreq/data/small_{language}.msgpack.gz")
    # After a header, one list of words for each hundredth of a power of ten, from the most frequent on.
    _, *bins = msgspec.msgpack.decode(gzip.decompress(packed), type=list[Any])
    for at, words in enumerate(bins):
        yield from ((word, 10 ** (-at / 100)) for word in words)


def capitalised(words: Iterable[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield each word, and as it begins a sentence: the lists are of lower-cased words."""
    for word, share in words:
        yield word, share
        if word[:1].islower():
            yield word[:1].upper() + word[1:], share * _CAPITALISED


def shares(tokenizer: Tokenizer, weighted: Iterable[tuple[str, float]]) -> Counter[int]:
    """Return each piece's share of all that is written with the tokenizer; the shares add up to 1."""
    texts, weights = zip(*weighted, strict=True)
    found: Counter[int] = Counter()
    for encoded, weight in zip(tokenizer.encode_batch(texts, add_special_tokens=False), weights, strict=True):
        for piece in encoded.ids:
            found[piece] += weight
    whole = sum(found.values())
    return Counter({piece: weight / whole for piece, weight in found.items()})


def choose(tokenizer: Tokenizer, counted: Sequence[Counter[int]], size: int) -> list[int]:
    """Return the `size` pieces to keep, in their order: special ones, single characters that occur, the most needed."""
    together: Counter[int] = Counter()
    for each in counted:
        together.update(each)
    single = [piece for piece in together if len((tokenizer.id_to_token(piece) or "").strip("▁")) <= 1]
    kept = dict.fromkeys([*range(_SPECIAL), *sorted(single, key=together.__getitem__, reverse=True)])
    kept |= dict.fromkeys(piece for piece, _ in together.most_common())
    return sorted(list(kept)[:size])


def prune(model: Path, kept: Sequence[int], out: Path) -> None:
    """Write the classifier in `model`, a Hugging Face folder, with these pieces alone into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((model / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"vocab_size": len(kept)}, indent=2))
    tokenizer = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = [vocabulary[piece] for piece in kept]
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    (out / "tokenizer_config.json").write_bytes((model / "tokenizer_config.json").read_bytes())
    weights = load_file(model / "model.safetensors")
    weights[_WORDS] = weights[_WORDS][torch.tensor(kept)].clone()
    save_file(weights, out / "model.safetensors", {"format": "pt"})


def counted(tokenizer: Tokenizer, folder: Path, wheel: Path) -> Iterator[Counter[int]]:
    """Yield the shares in each language's word frequencies, in made sentences, and in the labelled texts."""
    for language in LANGUAGES:
        yield shares(tokenizer, capitalised(frequencies(wheel, language)))
    made = contrasts.contrasts(random.Random(0), _MADE, [_UNLISTED])
    yield shares(tokenizer, ((example.text, 1.0) for example in made))
    texts: dict[str, list[tuple[str, float]]] = {}
    for name in ("toxicity_train.jsonl.gz", "toxicity_multilingual.jsonl.gz"):
        for row in read_rows(folder / name):
            texts.setdefault(row.get("lang", "en"), []).append((row["text"], 1.0))
    for language, own in texts.items():
        say(f"{language}: {len(own)} texts")
        yield shares(tokenizer, own)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the folder that training.classifier wrote")
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled texts and the prose")
    parser.add_argument("--words", type=Path, required=True, help="the wheel of wordfreq 3.1.1")
    parser.add_argument("--size", type=int, default=32_000, help="pieces to keep")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    kept = choose(tokenizer, list(counted(tokenizer, args.data, args.words)), args.size)
    prune(args.model, kept, args.out)
    say(f"{len(kept)} of {tokenizer.get_vocab_size()} pieces kept")


if __name__ == "__main__":
    main()
