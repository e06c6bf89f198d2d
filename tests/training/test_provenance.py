import hashlib
import re
from pathlib import Path

from training import provenance


def test_every_file_of_a_folder_has_its_hash_and_code_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "model" / "deep").mkdir(parents=True)
    for name in ("model/a.bin", "model/deep/b.bin", "model/__init__.py", "alone.gz"):
        (tmp_path / name).write_bytes(name.encode())
    rows = provenance.files([tmp_path / "model"], [tmp_path / "alone.gz"]).splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| model/a.bin", "| deep/b.bin", "| alone.gz"]
    assert rows[0] == f"| model/a.bin | 11 | {hashlib.sha256(b'model/a.bin').hexdigest()[:12]} |"
    assert str(tmp_path) not in "".join(rows)


def test_the_machine_is_named_where_the_system_tells_it(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name : Fast One\n\nmodel name : Fast One\n")
    assert re.fullmatch(r"Fast One, \d+ cores", provenance.machine(tmp_path / "cpuinfo"))
    assert re.fullmatch(r".+, \d+ cores", provenance.machine(tmp_path / "missing"))


def test_versions_are_of_what_is_installed() -> None:
    found = provenance.versions()
    assert found.startswith("Python 3.")
    assert {"torch", "detoxify", "unsay"} <= {part.split()[0] for part in found.split(", ")}


def test_the_date_is_a_date() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", provenance.today())
