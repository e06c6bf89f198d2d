"""Files that are there whole, or as they were before."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text in one piece: whoever reads meanwhile reads the former one. OSError if that cannot be."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
