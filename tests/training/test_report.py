import argparse
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.training.answering import answering
from tests.training.encoders import write_packed
from tests.training.language_models import write_language_model
from tests.training.texts import write_collection
from training import continuations, dilution, report, report_classifier, reported, samples, screen, thresholds, triad
from training.examples import read_rows


@pytest.fixture
def words(bundled_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line over untrained models and a small collection; its server is one that needs no vLLM."""
    packed, data = write_packed(tmp_path, bundled_classifier), write_collection(tmp_path)
    model = write_language_model(tmp_path / "model")
    (data / "ldnoobw_en.txt").write_text("idiot\n")
    rows = read_rows(data / "rtp_challenging_and_nontoxic_dev.jsonl.gz")
    monkeypatch.setattr(continuations, "read_rows", lambda _: [{**row, "set": "nontoxic"} for row in rows])

    @contextmanager
    def small_server(*folders: Path) -> Iterator[str]:
        assert folders == (model, packed)
        with answering() as (base_url, _):
            yield base_url

    monkeypatch.setattr(report, "serving", small_server)
    folders = ["--data", str(data), "--classifier", str(packed), "--language-model", str(model)]
    return ["report", *folders, "--screen", str(tmp_path / "none"), "--limit", "2", "--rounds", "1"]


def _printed(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", words)
    report.main()
    return capsys.readouterr().out


def test_every_part_is_printed_with_hashes_and_rude_words_masked(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report_classifier, "blocks", lambda setting: iter(["## Classifier"]))
    monkeypatch.setattr(report_classifier, "by_language", lambda setting: iter(["## Languages"]))
    monkeypatch.setattr(triad, "blocks", lambda setting: iter(["## Triad"]))
    monkeypatch.setattr(reported, "blocks", lambda setting: iter(["## Reported"]))
    monkeypatch.setattr(dilution, "blocks", lambda setting: iter(["## Dilution"]))
    monkeypatch.setattr(thresholds, "blocks", lambda setting: iter(["## Thresholds"]))
    monkeypatch.setattr(screen, "blocks", lambda setting: iter(["## Screen"]))
    monkeypatch.setattr(samples, "CONVERSATIONS", (("Hello",),) * 3)
    monkeypatch.setattr(samples, "COMPLETIONS", ("One",) * 3)
    printed = _printed([*words, "--markdown", str(tmp_path / "report.md")], monkeypatch, capsys)
    headings = [line for line in printed.splitlines() if line.startswith("#")]
    assert headings == [
        "# Report of training",
        "## Classifier",
        "## Languages",
        "## Triad",
        "## Reported",
        "## Dilution",
        "## Thresholds",
        "## Screen",
        "## Language model: held-out perplexity",
        "## Language model: speed in vLLM",
        "## Language model: continuations flagged by its own classifier",
        "## Samples, plain and guarded",
    ]
    checkpoint = (tmp_path / "packed" / "detoxify.ckpt").read_bytes()
    assert f"| {hashlib.sha256(checkpoint).hexdigest()[:12]} |" in printed
    assert "| nontoxic | 2 | 50 |" in printed
    assert "i****" in printed
    assert "idiot" not in printed
    assert str(tmp_path) not in printed
    assert (tmp_path / "report.md").read_text().split() == printed.split()


def test_a_part_by_itself_starts_no_server(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "serving", None)
    printed = _printed([*words, "--parts", "thresholds"], monkeypatch, capsys)
    assert [line for line in printed.splitlines() if line.startswith("## ")] == [
        "## Thresholds at which 0.3% of clean spans are flagged"
    ]


def test_parts_are_known_ones() -> None:
    assert report.parts_of("classifier, samples") == {"classifier", "samples"}
    with pytest.raises(argparse.ArgumentTypeError, match="no part 'sample'; there are classifier"):
        report.parts_of("classifier,sample")


def test_counts_are_positive() -> None:
    with pytest.raises(SystemExit):
        report.parser().parse_args(["--rounds", "0"])
