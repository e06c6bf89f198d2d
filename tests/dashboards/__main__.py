"""`python -m tests.dashboards`: load two servers, ask every panel, and write docs/dashboards.md."""

from pathlib import Path
from tempfile import TemporaryDirectory

from dashboards.__main__ import BOARDS
from tests.dashboards.page import page
from tests.dashboards.seen import seeing

PAGE = Path(__file__).parents[2] / "docs/dashboards.md"


def main() -> None:
    """Write the page."""
    with TemporaryDirectory() as folder, seeing(Path(folder)) as seen:
        PAGE.write_text(page(BOARDS, seen), encoding="utf-8")


if __name__ == "__main__":
    main()
