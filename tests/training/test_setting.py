from pathlib import Path

from training.setting import Setting


def test_only_folders_that_are_there_are_reported_on(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    setting = Setting(
        classifier=tmp_path / "a", language_model=tmp_path / "b", screen=tmp_path / "c", against=(tmp_path / "d",)
    )
    assert setting.models == (tmp_path / "b",)


def test_what_was_asked_for_names_no_folder() -> None:
    assert Setting(seed=3).asked() == "seed 3, 2 threads, every prompt"
    assert Setting(limit=5).asked() == "seed 0, 2 threads, 5 prompts of each set"
