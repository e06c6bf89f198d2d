"""`python -m dashboards`: write every dashboard to deploy/monitoring/grafana/dashboards."""

from pathlib import Path

from dashboards.board import written
from dashboards.cost import COST
from dashboards.health import HEALTH
from dashboards.toxicity import TOXICITY

BOARDS = (TOXICITY, COST, HEALTH)
FOLDER = Path(__file__).parents[1] / "deploy/monitoring/grafana/dashboards"


def main(folder: Path = FOLDER) -> None:
    """Write the files, each named by its dashboard's uid."""
    for board in BOARDS:
        (folder / f"{board.uid}.json").write_text(written(board), encoding="utf-8")


if __name__ == "__main__":
    main()
