"""What comes from others: locked with hashes, listed as CycloneDX, audited or loudly not, images moved in one place."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
DIGEST = "sha256:" + "0" * 64


def program(path: Path, body: str) -> Path:
    """A stand-in of a program at this path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    path.chmod(0o755)
    return path


def pins(lock: Path) -> list[tuple[str, str]]:
    """The name and version of every package of a lock file, as often as it stands there."""
    return re.findall(r"^([\w.-]+)==([\w.+!-]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.stem))
def test_every_package_has_one_version_and_hashes(lock: Path) -> None:
    text = re.sub(r"\\\n\s*", "", lock.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(pins(lock)) and lines
    assert [line for line in lines if not re.search(r" ?--hash=sha256:[0-9a-f]{64}", line)] == []


def test_the_tools_and_what_they_test_agree_on_what_both_need() -> None:
    served = set(pins(ROOT / "requirements/cpu.lock"))
    names = {name for name, _ in served}
    assert [pin for pin in pins(ROOT / "requirements/dev.lock") if pin[0] in names and pin not in served] == []


@pytest.mark.timeout(120)
def test_the_bill_of_materials_is_valid_and_lists_what_is_locked(tmp_path: Path) -> None:
    file = tmp_path / "dist/unsay.cdx.json"
    made = [ROOT / "requirements/sbom.sh", Path(sys.executable).parent / "cyclonedx-py", file]
    done = subprocess.run(made, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    bom = json.loads(file.read_text(encoding="utf-8"))
    assert (bom["bomFormat"], bom["metadata"]["component"]["name"]) == ("CycloneDX", "unsay")
    listed = {(each["name"], each["version"]) for each in bom["components"]}
    locked = {pin for name in ("cpu", "voice") for pin in pins(ROOT / f"requirements/{name}.lock")}
    assert locked < listed and {name for name, _ in listed - locked} == {"torch"}
    hashed = [each for each in bom["components"] if each.get("externalReferences", [{}])[0].get("hashes")]
    assert len(bom["components"]) - len(hashed) == 1, "all but torch, which has its own index"


CLEAN: list[dict[str, object]] = [{"name": "a", "version": "1", "vulns": []}]
FOUND = [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]


@pytest.mark.parametrize(
    ("answer", "status", "code", "said"),
    [
        (CLEAN, 0, 0, "no advisory for anything that is locked"),
        (FOUND, 1, 1, "a 1 PYSEC-1 mended in: 2"),
        (None, 1, 2, "nothing was audited"),
    ],
)
def test_an_audit_passes_only_if_it_took_place(
    tmp_path: Path, answer: list[object] | None, status: int, code: int, said: str
) -> None:
    told = json.dumps({"dependencies": answer})
    written = f"open(words[words.index('--output') + 1], 'w').write({told!r})\n" if answer else ""
    stand_in = program(
        tmp_path / "pip-audit",
        f"import sys\nwords = sys.argv\nopen({str(tmp_path / 'asked')!r}, 'w').write(' '.join(words))\n"
        f"{written}sys.exit({status})\n",
    )
    done = subprocess.run([ROOT / "requirements/audit.sh", stand_in], capture_output=True, text=True, check=False)
    assert done.returncode == code and said in done.stdout + done.stderr
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert "--strict" in asked and all(f"requirements/{lock.name}" in asked for lock in LOCKS)


def images(folder: Path) -> list[str]:
    """Every image with a digest, in both files."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("Dockerfile", "deploy/compose.yaml")]
    return re.findall(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", "\n".join(texts))


@pytest.mark.parametrize("reached", [True, False])
def test_digests_are_moved_to_what_the_registry_says_and_never_made_up(tmp_path: Path, reached: bool) -> None:
    (tmp_path / "deploy").mkdir()
    for name in ("Dockerfile", "deploy/compose.yaml", "deploy/digests.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    program(tmp_path / "bin/docker", f"print({DIGEST!r})\n" if reached else "raise SystemExit(1)\n")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        [tmp_path / "deploy/digests.sh"], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    before, after = images(ROOT), images(tmp_path)
    assert len(before) == len(after) == 5
    if reached:
        assert after == [f"{image.partition('@')[0]}@{DIGEST}" for image in before]
    else:
        assert (done.returncode, after) == (1, before) and "told no digest" in done.stderr
