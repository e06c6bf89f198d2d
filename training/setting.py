"""Where the report finds its subject, and what it was asked for."""

from dataclasses import dataclass
from pathlib import Path

DATA = Path("../shared/data")
CLASSIFIER = Path("models/classifier")
LANGUAGE_MODEL = Path("models/language_model")
SCREEN = Path("models/screen")


@dataclass(frozen=True, slots=True)
class Setting:
    """Folders of the texts and of the shipped weights, and how much to measure.

    `limit` bounds the prompts of each set that are continued (None: all of them), `held_out_tokens` what the perplexity
    of each source is measured on, `rounds` how often the speed is measured. `written` is a file of training.written,
    `cases` one of texts that were reported (training/reported.py).
    """

    data: Path = DATA
    classifier: Path = CLASSIFIER
    language_model: Path = LANGUAGE_MODEL
    screen: Path = SCREEN
    against: tuple[Path, ...] = ()
    written: Path | None = None
    cases: Path | None = None
    seed: int = 0
    threads: int = 2
    rounds: int = 3
    limit: int | None = None
    held_out_tokens: int = 200_000

    @property
    def models(self) -> tuple[Path, ...]:
        """The folders of weights that are there."""
        folders = (self.classifier, *self.against, self.language_model, self.screen)
        return tuple(folder for folder in folders if folder.is_dir())

    def asked(self) -> str:
        """Return what was asked for as a line, without the folders."""
        limit = "every prompt" if self.limit is None else f"{self.limit} prompts of each set"
        return f"seed {self.seed}, {self.threads} threads, {limit}"
