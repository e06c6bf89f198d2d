"""What others start vLLM by (KServe, production-stack, llm-d, systemd): with the plug-in, and red without it."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.configuration import Settings, configured
from server.patience import Patience
from tests.deploy.charts import ROOT, Manifest, check
from tests.deploy.test_dashboard import ours, vllms

DEPLOY = ROOT / "deploy"


def read(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / path).read_text()))


RUNTIME = read("kserve/servingruntime.yaml")
SERVICE = read("kserve/inferenceservice.yaml")
STACK = read("production-stack/values.yaml")["servingEngineSpec"]
DECODE = read("llm-d/values.yaml")["decode"]


def merged(container: Manifest) -> Manifest:
    """A container with its `extraConfig`, which llm-d's chart adds as it is."""
    extra = container.pop("extraConfig", {})
    return {**container, **extra}


def kserve() -> Manifest:
    """The pod that KServe makes of runtime and service, as far as it is ours."""
    predictor, runtime = dict(SERVICE["spec"]["predictor"]), RUNTIME["spec"]
    (container,) = (dict(found) for found in runtime["containers"])
    model = predictor["model"]
    container["args"] = container["args"] + model["args"]
    container["env"] = container["env"] + model["env"]
    container["resources"] = model["resources"]
    names = ("terminationGracePeriodSeconds", "enableServiceLinks", "automountServiceAccountToken")
    return {**{name: predictor[name] for name in names}, "containers": [container], "volumes": runtime["volumes"]}


def production_stack() -> Manifest:
    """The pod that production-stack's chart makes, as far as it is ours."""
    (model,) = STACK["modelSpec"]
    container = {
        "name": "vllm",
        "image": f"{model['repository']}:{model['tag']}",
        "env": model["env"],
        "startupProbe": STACK["startupProbe"],
        "livenessProbe": STACK["livenessProbe"],
        "securityContext": STACK["containerSecurityContext"],
    }
    return {"containers": [container], "securityContext": STACK["securityContext"]}


def llm_d() -> Manifest:
    """The pod that llm-d's chart makes, as far as it is ours."""
    (container,) = (dict(found) for found in DECODE["containers"])
    command, _ = container.pop("modelCommand"), container.pop("mountModelVolume")
    assert command == "vllmServe"
    return {**DECODE["extraConfig"], "containers": [merged(container)], "volumes": DECODE["volumes"]}


PODS = {"kserve": kserve(), "production-stack": production_stack(), "llm-d": llm_d()}
every_platform = pytest.mark.parametrize("name", PODS)


def container(name: str) -> Manifest:
    (found,) = PODS[name]["containers"]
    return dict(found)


def environment(name: str) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(name)["env"] if "value" in entry}


@every_platform
def test_the_pod_is_one_that_kubernetes_takes(name: str) -> None:
    check({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": PODS[name]})


@every_platform
def test_the_plug_in_is_named_and_a_pod_without_it_never_gets_a_request(name: str) -> None:
    assert environment(name)["VLLM_PLUGINS"] == "unsay"
    assert container(name)["startupProbe"]["httpGet"] == {"path": "/ready", "port": 8000}
    assert container(name)["livenessProbe"]["httpGet"] == {"path": "/health", "port": 8000}
    if name != "production-stack":  # whose chart has none
        assert container(name)["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8000}


@every_platform
def test_the_server_takes_the_settings_and_has_the_time_to_end(name: str) -> None:
    settings = configured(Settings, {}, environment(name))
    hook = container(name).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    kubernetes_own = 30
    given = PODS[name].get("terminationGracePeriodSeconds", kubernetes_own)
    assert hook + settings.grace_seconds + 10 <= given


@every_platform
def test_a_pod_is_nobody_and_may_little(name: str) -> None:
    both = {**PODS[name].get("securityContext", {}), **container(name)["securityContext"]}
    assert both["runAsNonRoot"] is True
    assert both["runAsUser"] == 10001
    assert both["allowPrivilegeEscalation"] is False
    assert both["capabilities"] == {"drop": ["ALL"]}
    assert both["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("folder", ["kserve", "production-stack", "llm-d", "ray", "systemd"])
def test_metrics_are_published_and_settings_are_known(folder: str) -> None:
    text = "\n".join(path.read_text() for path in (DEPLOY / folder).iterdir() if path.is_file())
    assert set(re.findall(r"\b(?:unsay_|vllm:)[a-z_]+", text)) <= ours() | vllms()
    known = {f"UNSAY_{key.upper()}" for key in Settings.model_fields} | {"UNSAY_CONFIG"}
    assert set(re.findall(r"\bUNSAY_[A-Z]\w+", text)) <= known


@pytest.mark.parametrize("path", ["kserve/servingruntime.yaml", "production-stack/values.yaml", "llm-d/values.yaml"])
def test_a_file_for_others_says_for_which_of_their_versions(path: str) -> None:
    assert re.search(r"^# .*\bv?0\.\d+", (DEPLOY / path).read_text())


def test_the_service_asks_for_the_runtime_that_is_guarded() -> None:
    model = SERVICE["spec"]["predictor"]["model"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    assert model["modelFormat"]["name"] in [form["name"] for form in RUNTIME["spec"]["supportedModelFormats"]]


UNIT = (DEPLOY / "systemd/unsay.service").read_text()


def unit() -> dict[str, str]:
    reader = ConfigParser(interpolation=None, strict=True)
    reader.optionxform = str  # type: ignore[assignment]
    reader.read_string(UNIT)
    return dict(reader["Service"])


def analyzed(folder: Path, *words: str) -> str:
    """What systemd says of our unit, with a program in it that exists here."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is missing: install systemd")
    (folder / "unsay.service").write_text(UNIT.replace("/opt/unsay/bin/unsay", sys.executable))
    done = subprocess.run([tool, *words, folder / "unsay.service"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_finds_nothing_in_the_unit(tmp_path: Path) -> None:
    assert analyzed(tmp_path, "verify") == ""


def test_systemd_calls_the_unit_little_exposed(tmp_path: Path) -> None:
    analyzed(tmp_path, "security", "--offline=yes", "--no-pager", "--threshold=16")  # tenths, of a hundred


def test_the_unit_lets_the_server_finish_alone_and_waits_until_it_is_ready() -> None:
    service = unit()
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) >= Patience().grace_seconds + 10
    assert "/ready" in service["ExecStartPost"]
    assert service["ExecStart"].startswith("/opt/unsay/bin/unsay serve ")


def rays() -> list[tuple[str, Manifest]]:
    """The pods of KubeRay's cluster."""
    cluster = read("ray/rayservice.yaml")["spec"]["rayClusterConfig"]
    groups = {"head": cluster["headGroupSpec"]} | {found["groupName"]: found for found in cluster["workerGroupSpecs"]}
    return [(name, group["template"]["spec"]) for name, group in groups.items()]


@pytest.mark.parametrize(("name", "pod"), rays())
def test_rays_pods_are_ones_that_kubernetes_takes_and_have_the_plug_in(name: str, pod: Manifest) -> None:
    check({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod})
    (only,) = pod["containers"]
    assert {"name": "VLLM_PLUGINS", "value": "unsay"} in only["env"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    told = yaml.safe_load(read("ray/rayservice.yaml")["spec"]["serveConfigV2"])
    (deployment,) = told["applications"][0]["deployments"]
    assert pod["terminationGracePeriodSeconds"] >= deployment["graceful_shutdown_timeout_s"] + 10
