"""The scorer of detoxify (https://github.com/unitaryai/detoxify), as published or from your own checkpoint.

detoxify does the loading: its formats, names and categories. The reading is done here, since its `predict` silently
cuts off the tail of a long text, and a guard must see a toxic tail: a text longer than the model reads is scored in
overlapping pieces, and each category takes its highest score.

`score` is exact. `bounds` makes do with a rough pass for what that clears beyond doubt (passes.py).

What was learned beside it (heads.py) is computed from the same pass, and may be replaced at any time: a call is scored
whole with what is in force when it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filters.category import Category
from filters.scorer import ScorerLoadError, Scores, ThresholdValues, is_below, is_valid
from filters.scorers.checkpoint import find_checkpoint, languages_read, loadable, read_checkpoint, sha256
from filters.scorers.pieces import overlap, reading_limit
from filters.scorers.taught import Said, Taught

if TYPE_CHECKING:
    from detoxify import Detoxify

    from filters.scorers.heads import Heads
    from filters.scorers.passes import Forward
    from filters.scorers.shadow import Shadow


class DetoxifyScorer:
    """Scores with a loaded `Detoxify`, on its device. The same text has the same scores in any batch, within 1e-4."""

    def __init__(
        self, detoxify: Detoxify, name: str, languages: frozenset[str] | None = None, checksum: str = ""
    ) -> None:
        from filters.scorers.passes import passes

        self.name = name
        self.languages = languages
        self.checksum = checksum
        self.own: tuple[Category, ...] = tuple(detoxify.class_names)
        # Half precision is how weights are kept, not how they are computed with: scores would depend on the batch.
        self._model = detoxify.model.float().eval()
        self._tokenizer = detoxify.tokenizer
        config = self._model.config
        self._limit = reading_limit(self._tokenizer.model_max_length, config.max_position_embeddings, config.model_type)
        self._overlap = overlap(self._limit, self._tokenizer.num_special_tokens_to_add())
        self._passes = passes(self._model, self._tokenizer, self._limit)
        self._taught = Taught(self.own, self._passes)

    @classmethod
    def load(cls, name_or_path: str, *, device: str = "cpu", threads: int | None = None) -> DetoxifyScorer:
        """Load a model that detoxify knows by name, a checkpoint file, or a folder with one `*.ckpt`.

        `device` is torch's; `threads` sets how many torch computes with, for the whole process. Takes seconds, and the
        network for a name that is not cached. ScorerLoadError if there is no such device or checkpoint, or it is not
        sound.
        """
        import torch

        _check_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        path = find_checkpoint(name_or_path)
        # Reports carry the name: a path on this machine is nobody's business.
        name = path.resolve().parent.name if Path(name_or_path).exists() else name_or_path
        languages = languages_read(name_or_path, path.resolve().parent)
        scorer = cls(_detoxify(path, read_checkpoint(path), device), f"detoxify:{name}", languages, sha256(path))
        scorer._warm_up(path)
        return scorer

    @property
    def categories(self) -> tuple[Category, ...]:
        """Those of the classifier, and those that it was taught."""
        return self._taught.categories

    @property
    def gate(self) -> str:
        """What judges now: the beginning of the checkpoint's checksum, and the version of what was learned beside."""
        return "+".join(filter(None, (self.checksum[:12], self._taught.version)))

    def teach(self, heads: Heads | None, shadow: Shadow | None = None) -> None:
        """Score with what was learned beside the classifier from the next call on, None for nothing.

        `shadow` is compared with it on the way. Called from any thread.
        """
        self._taught = Taught(self.own, self._passes, heads, shadow)

    def must_read(self, text: str) -> bool:
        """Return whether a text has to be read by the classifier, since something was learned or is compared there."""
        return self._taught.must_read(text)

    def embeddings(self, texts: Sequence[str]) -> Said:
        """Return what the classifier itself says of every piece of the texts, exactly, with the embeddings."""
        return self._run(self._passes.exact, self._pieces(texts))

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return for each text, in order, the sigmoid of the output for each category, the highest over its pieces."""
        return self._taught.scores(self._run(self._passes.exact, self._pieces(texts)))

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """As `score`, or upper bounds of all scores of a text where all of them are below its `thresholds`."""
        taught, pieces = self._taught, self._pieces(texts)
        if self._passes.rough is None or taught.margins is None:
            said = self._run(self._passes.exact, pieces)
            scores = taught.scores(said)
            taught.compare(texts, thresholds, scores, [said])
            return scores
        said = self._run(self._passes.rough, pieces)
        scores = taught.bounds(said)
        doubtful = [index for index, each in enumerate(thresholds) if not is_below(scores[index], each)]
        exact = self._run(self._passes.exact, [pieces[index] for index in doubtful])
        for index, found in zip(doubtful, taught.scores(exact), strict=True):
            scores[index] = found
        taught.compare(texts, thresholds, scores, [said, exact], doubtful)
        return scores

    def estimates(self, texts: Sequence[str]) -> list[Scores]:
        """As `score`, by the rough pass where there is one: for labels that need not be exact, never for a verdict."""
        return self._taught.scores(self._run(self._passes.rough or self._passes.exact, self._pieces(texts)))

    def ready(self) -> bool:
        """Return True: it is loaded before it exists."""
        return True

    def _pieces(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Return the token ids of every piece of every text."""
        backend = self._tokenizer.backend_tokenizer
        # Cuts at the limit, and what is cut off comes back as further pieces.
        backend.enable_truncation(self._limit, stride=self._overlap)
        backend.no_padding()
        encoded = backend.encode_batch_fast([encodable(text) for text in texts])
        return [[each.ids, *(rest.ids for rest in each.overflowing)] for each in encoded]

    def _run(self, forward: Forward, texts: Sequence[Sequence[Sequence[int]]]) -> Said:
        """Return what is said of every piece of every text."""
        counts = [len(pieces) for pieces in texts]
        return Said(forward([piece for pieces in texts for piece in pieces]) if texts else None, counts)

    def _warm_up(self, path: Path) -> None:
        """Score once: the first pass is slow, and weights that are not numbers show."""
        (scores,) = self.score(["A first text."])
        if not is_valid(scores):
            raise ScorerLoadError(str(path), "expected weights that give scores in 0..1")


def _check_device(name: str) -> None:
    """Raise ScorerLoadError for a device that torch does not know, or does not find in this machine."""
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise ScorerLoadError(f"device {name}", "expected cpu, cuda, or cuda:N for one of several GPUs") from None
    found = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= found:
        remedy = "score on cpu, or install a torch built for the GPU (README.md, `.[gpu]`)"
        expected = f"expected a GPU that torch {torch.__version__} can use, found {found}"
        raise ScorerLoadError(f"device {name}", f"{expected}: {remedy}")


def _detoxify(path: Path, contents: dict[str, Any], device: str) -> Detoxify:
    """Have detoxify load a checkpoint that has been checked. ScorerLoadError if its parts do not fit together."""
    from detoxify import Detoxify

    try:
        with loadable(path, contents) as (checkpoint, folder):
            detoxify = Detoxify(checkpoint=str(checkpoint), device=device, huggingface_config_path=folder)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        expected = "expected weights, config and tokenizer that fit together, the latter two beside it or on the hub"
        raise ScorerLoadError(str(path), f"{expected} ({reason})") from error
    # transformers fills what is missing with random numbers and only warns.
    missing = sorted(set(detoxify.model.state_dict()) - set(contents["state_dict"]))
    if missing:
        raise ScorerLoadError(str(path), f"expected weights for {missing[0]} and {len(missing) - 1} more")
    return detoxify


def encodable(text: str) -> str:
    """Return the text with halves of surrogate pairs joined or replaced: tokenizers raise on them."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
