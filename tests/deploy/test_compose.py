"""The compose files: hardened services, pinned images, mounts that exist, and settings that env.example names."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
GPU_TEXT = (DEPLOY / "compose.gpu.yaml").read_text()
GPU = yaml.safe_load(GPU_TEXT)
SERVICES = ("unsay", "prometheus", "grafana")


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def filled(text: str, settings: dict[str, str]) -> str:
    """The text with its variables replaced as compose does: `:-` default, `:+` if set, innermost first."""

    def value(match: re.Match[str]) -> str:
        name, kind, word = match["name"], match["kind"], match["word"] or ""
        given = settings.get(name, "")
        return (word if given else "") if kind == ":+" else given or word

    pattern = r"\$\{(?P<name>\w+)(?:(?P<kind>:[-+])(?P<word>[^${}]*))?\}"
    while (changed := re.sub(pattern, value, text)) != text:
        text = changed
    return text


def test_the_services_are_the_server_and_its_monitoring() -> None:
    assert tuple(COMPOSE["services"]) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened_and_bounded(name: str) -> None:
    found = service(name)
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", found["user"]), "not root, whatever the image says"
    assert found["mem_limit"]
    assert not {"privileged", "pid", "ipc", "network_mode", "cap_add", "devices"} & set(found)
    assert found["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_to_the_network_unless_asked(name: str) -> None:
    (port,) = service(name)["ports"]
    assert filled(port, {}).startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_images_of_others_are_pinned(name: str) -> None:
    assert re.search(r":v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$", service(name)["image"])


def test_the_server_runs_as_the_user_of_its_image() -> None:
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    assert set(re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)) == {service("unsay")["user"]}


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_written_goes_to_a_volume_or_to_memory_that_is_bounded(name: str) -> None:
    found = service(name)
    assert [mount for mount in found["volumes"] if not mount.endswith(":ro")]
    assert all("size=" in each for each in found.get("tmpfs", []))


@pytest.mark.parametrize("name", SERVICES)
def test_mounted_files_exist_and_volumes_are_declared(name: str) -> None:
    for mount in service(name)["volumes"]:
        source, _, *options = mount.split(":")
        if source.startswith("."):
            assert (DEPLOY / source).is_dir()
            assert options == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, "--host 0.0.0.0 --port 8000 --policy-file /policies/standard.yaml"),
        (
            {
                "MODEL": "some/model",
                "DETOXIFY": "unbiased",
                "POLICY_FILE": "strict.yaml",
                "ARGS": "--seed 1",
            },
            "some/model --host 0.0.0.0 --port 8000 --policy-file /policies/strict.yaml --detoxify unbiased --seed 1",
        ),
    ],
)
def test_settings_become_arguments_and_empty_ones_are_left_out(settings: dict[str, str], arguments: str) -> None:
    assert filled(service("unsay")["command"], settings).split() == arguments.split()


def test_the_default_policy_file_is_there() -> None:
    assert "/policies" in [mount.split(":")[1] for mount in service("unsay")["volumes"]]
    assert (DEPLOY / "policies" / "standard.yaml").is_file()


def test_every_variable_is_explained_in_env_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", TEXT + GPU_TEXT))
    explained = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert used == explained


def test_grafana_starts_only_with_a_password_that_somebody_chose() -> None:
    environment = service("grafana")["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")
    assert re.search(r"^GRAFANA_ADMIN_PASSWORD=$", (DEPLOY / "env.example").read_text(), re.MULTILINE)
    assert (DEPLOY / ".gitignore").read_text().split() == [".env"]


def test_strangers_may_look_at_grafana_and_no_more() -> None:
    environment = service("grafana")["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_both_builds_name_targets_of_the_dockerfile() -> None:
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text()
    for build in (service("unsay")["build"], GPU["services"]["unsay"]["build"]):
        assert re.search(rf"^FROM .* AS {build['target']}$", dockerfile, re.MULTILINE)
    assert (DEPLOY / service("unsay")["build"]["context"] / "Dockerfile").is_file()


def test_the_gpu_file_changes_the_server_only_and_asks_for_a_gpu() -> None:
    assert set(GPU["services"]) == {"unsay"}
    (device,) = GPU["services"]["unsay"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
