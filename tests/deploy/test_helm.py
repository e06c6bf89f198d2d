"""The chart: rendered with several sets of values, judged by Kubernetes' schemas, and held to what the server has."""

import json
import re
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from server.api.routes import router
from server.configuration import Settings, configured
from server.policy import catalog
from tests.deploy.charts import (
    CHART,
    ROOT,
    SETS,
    changed,
    check,
    container,
    is_own,
    manifests,
    of_kind,
    only,
    pod,
    rendered,
)
from tests.deploy.charts import values as values_of
from tests.deploy.test_alerts import promtool
from tests.deploy.test_dashboard import ours, vllms

TEMPLATES = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())

every_set = pytest.mark.parametrize("name", SETS)


def probed(name: str) -> dict[str, str]:
    return {
        probe: container(name)[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }


def environment(name: str) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container(name)["env"]}


@every_set
def test_helm_finds_nothing_to_mend(name: str) -> None:
    found = helm_python.lint(str(CHART), values_of(name), strict=True)
    grave = [message for message in found["messages"] if message["severity"] > 1]  # 1: an icon is recommended
    assert (found["errors"], grave) == ([], [])


@every_set
def test_every_manifest_is_one_that_kubernetes_takes(name: str) -> None:
    made = manifests(values_of(name))
    for manifest in made:
        if is_own(manifest):
            check(manifest)
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
    assert len(names) == len(set(names))
    assert {manifest["metadata"]["namespace"] for manifest in made} == {"prod"}


def test_each_kind_is_made_by_some_set() -> None:
    kinds = {manifest["kind"] for name in SETS for manifest in manifests(values_of(name))}
    assert kinds == {
        *("ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"),
        *("PodMonitor", "PrometheusRule", "ScaledObject", "Service", "ServiceAccount"),
    }


@every_set
def test_plain_vllm_is_started_with_the_plug_in(name: str) -> None:
    assert container(name)["command"] == ["vllm", "serve"]
    assert environment(name)["VLLM_PLUGINS"].split(",")[0] == "unsay"


def test_nobody_unnames_the_plug_in() -> None:
    for variable in ("VLLM_PLUGINS", "UNSAY_CONFIG"):
        with pytest.raises(helm_python.HelmError, match="extraEnv"):
            rendered({"extraEnv": [{"name": variable, "value": ""}]})


@every_set
def test_a_pod_without_unsay_never_gets_a_request(name: str) -> None:
    assert probed(name) == {"startupProbe": "/ready", "readinessProbe": "/ready", "livenessProbe": "/health"}
    nothing: Any = None
    routes = router(nothing, nothing, nothing, nothing, allow_loosen=False).routes
    assert "/ready" in {route.path for route in routes}  # type: ignore[attr-defined]


def test_the_other_routes_are_vllms() -> None:
    import importlib.util

    package = importlib.util.find_spec("vllm")
    assert package is not None and package.submodule_search_locations is not None
    entrypoints = Path(package.submodule_search_locations[0]) / "entrypoints"
    source = "".join(path.read_text() for path in (entrypoints / "serve/instrumentator").glob("*.py"))
    (endpoint,) = only("keda", "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert {'"/health"', f'"{endpoint["path"]}"'} <= set(re.findall(r'"/\w+"', source))


@every_set
def test_probes_service_and_monitor_mean_the_port_at_which_vllm_listens(name: str) -> None:
    (port,) = container(name)["ports"]
    assert f"--port={port['containerPort']}" in container(name)["args"]
    assert {container(name)[probe]["httpGet"]["port"] for probe in probed(name)} == {port["name"]}
    assert [entry["targetPort"] for entry in only(name, "Service")["spec"]["ports"]] == [port["name"]]
    monitors = [
        point["port"] for found in of_kind(name, "PodMonitor") for point in found["spec"]["podMetricsEndpoints"]
    ]
    assert set(monitors) <= {port["name"]}


@every_set
def test_requests_under_way_have_their_time_and_ten_seconds_more(name: str) -> None:
    grace = settings_of(name).grace_seconds
    hook = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert hook + grace + 10 <= pod(name)["spec"]["terminationGracePeriodSeconds"] < hook + grace + 11


@every_set
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    within, around = container(name)["securityContext"], pod(name)["spec"]["securityContext"]
    assert within == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert around["runAsNonRoot"] is True
    assert around["runAsUser"] == around["runAsGroup"] == 10001
    assert around["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(name)["spec"]["automountServiceAccountToken"] is False
    assert f"--uid {around['runAsUser']} " in (ROOT / "Dockerfile").read_text()


@every_set
def test_what_the_image_writes_to_can_be_written_to(name: str) -> None:
    mounts = {mount["mountPath"]: mount for mount in container(name)["volumeMounts"]}
    assert {"/cache", "/tmp", "/dev/shm"} <= {path for path, mount in mounts.items() if not mount.get("readOnly")}
    volumes = {volume["name"] for volume in pod(name)["spec"]["volumes"]}
    assert volumes == {mount["name"] for mount in mounts.values()}


@every_set
def test_the_server_takes_the_settings(name: str) -> None:
    assert environment(name)["UNSAY_CONFIG"] == "/etc/unsay/settings.yaml"
    policy_file = settings_of(name).policy_file
    assert policy_file == (Path("/etc/unsay/policies.yaml") if values_of(name).get("policies") else None)


def settings_of(name: str) -> Settings:
    """What the server makes of the settings of a set. StartError if it would refuse to start with them."""
    return configured(Settings, yaml.safe_load(data_of(name)["settings.yaml"]), {})


def data_of(name: str) -> dict[str, str]:
    (found,) = [config["data"] for config in of_kind(name, "ConfigMap") if "settings.yaml" in config["data"]]
    return dict(found)


@pytest.mark.parametrize("policies", ["ours", *sorted(path.name for path in (ROOT / "deploy/policies").iterdir())])
def test_policies_reach_the_server_as_they_are(policies: str, tmp_path: Path) -> None:
    given = values_of("keys") if policies == "ours" else {"policies": (ROOT / "deploy/policies" / policies).read_text()}
    (data,) = [made["data"] for made in manifests(given) if made["kind"] == "ConfigMap"]
    file = tmp_path / "policies.yaml"
    file.write_text(data["policies.yaml"])
    assert catalog.load(file).default
    assert data["policies.yaml"].strip() == given["policies"].strip()


def test_a_changed_setting_starts_the_pods_again() -> None:
    def checksum(given: dict[str, Any]) -> str:
        (made,) = [made for made in manifests(given) if made["kind"] == "Deployment"]
        return str(made["spec"]["template"]["metadata"]["annotations"]["checksum/settings"])

    assert checksum({}) == checksum({"replicas": 2}) != checksum(changed("settings", "max_choices", to=7))
    keys = values_of("keys")
    assert checksum(keys) == checksum({**keys, "policies": "other"}), "policies are read again while it serves"


def test_keys_come_of_secrets_and_stand_nowhere_else() -> None:
    assert environment("keys")["VLLM_API_KEY"] == {"secretKeyRef": {"name": "unsay-keys", "key": "key"}}
    assert environment("gpu")["HF_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert {"VLLM_API_KEY", "HF_TOKEN"} & environment("default").keys() == set()
    assert settings_of("keys").keys_file == Path("/etc/unsay-keys/tenants.yaml")
    (volume,) = [found["secret"] for found in pod("keys")["spec"]["volumes"] if "secret" in found]
    assert volume == {"secretName": "unsay-keys", "defaultMode": 0o440}
    assert [manifest for name in SETS for manifest in of_kind(name, "Secret")] == []


def test_a_gpu_is_asked_for_as_kubernetes_wants_it() -> None:
    asked = container("gpu")["resources"]
    assert asked["requests"]["nvidia.com/gpu"] == asked["limits"]["nvidia.com/gpu"] == 1
    assert all("nvidia.com/gpu" not in share for share in container("default")["resources"].values())


@pytest.mark.parametrize("name", ["hpa", "keda"])
def test_an_autoscaler_has_the_replicas_to_itself(name: str) -> None:
    assert "replicas" not in only(name, "Deployment")["spec"]
    assert only("replicas", "Deployment")["spec"]["replicas"] == 3


def asked_by_autoscalers() -> str:
    metrics = [metric["pods"]["metric"]["name"] for metric in only("hpa", "HorizontalPodAutoscaler")["spec"]["metrics"]]
    queries = [trigger["metadata"]["query"] for trigger in only("keda", "ScaledObject")["spec"]["triggers"]]
    rules = [rule["expr"] for group in only("hpa", "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    return "\n".join(metrics + queries + rules)


def test_autoscalers_and_rules_ask_for_metrics_that_are_published() -> None:
    asked = set(re.findall(r"\b(?:unsay_|vllm:)[a-z_]+", asked_by_autoscalers()))
    assert {"unsay_held_seconds_bucket", "unsay_scoring_queue_depth", "vllm:num_requests_waiting"} <= asked
    assert asked <= ours() | vllms()
    assert set(re.findall(r'urgency[:=]+ ?"?(\w+)', TEMPLATES)) == {"windows"}


def test_what_is_looked_at_can_be_left_out() -> None:
    off = {"heldSeconds": 0, "requestsWaiting": 0}
    made = manifests({**values_of("keda"), "autoscaling": {**values_of("keda")["autoscaling"], **off}})
    (triggers,) = [manifest["spec"]["triggers"] for manifest in made if manifest["kind"] == "ScaledObject"]
    assert [trigger["name"] for trigger in triggers] == ["queue-depth"]


def test_an_hpa_without_what_it_looks_at_is_refused_with_the_remedy() -> None:
    with pytest.raises(helm_python.HelmError, match=r"set monitoring\.rules"):
        rendered(changed("autoscaling", "by", to="hpa"))


def test_kedas_autoscaler_behaves_as_kubernetes_allows() -> None:
    scaled = only("keda", "ScaledObject")["spec"]
    assert scaled["scaleTargetRef"]["name"] == only("keda", "Deployment")["metadata"]["name"]
    autoscaler = only("hpa", "HorizontalPodAutoscaler")
    behaviour = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    check({**autoscaler, "spec": {**autoscaler["spec"], "behavior": behaviour}})


def test_series_of_this_release_are_told_from_others() -> None:
    (pattern,) = set(re.findall(r'pod=~"(.*?)"', asked_by_autoscalers()))
    assert re.fullmatch(pattern, f"{only('keda', 'Deployment')['metadata']['name']}-7d9c5b8f6-x2k4z")
    assert not re.fullmatch(pattern, "demo-unsay-other-7d9c5b8f6-x2k4z")


def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(only("hpa", "PrometheusRule")["spec"]))
    promtool("check", "rules", str(tmp_path / "rules.yml"))


HELD = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'unsay_held_seconds_bucket{namespace="prod", pod="a", le="2"}', values: 0+95x10}
      - {series: 'unsay_held_seconds_bucket{namespace="prod", pod="a", le="4"}', values: 0+100x10}
      - {series: 'unsay_held_seconds_bucket{namespace="prod", pod="a", le="+Inf"}', values: 0+100x10}
      - {series: 'unsay_held_seconds_count{namespace="prod", pod="a"}', values: 0+100x10}
      - {series: 'unsay_held_seconds_bucket{namespace="prod", pod="b", le="+Inf"}', values: 7x10}
      - {series: 'unsay_held_seconds_count{namespace="prod", pod="b"}', values: 7x10}
    promql_expr_test:
      - expr: unsay:held_seconds:p95
        eval_time: 10m
        exp_samples:
          - {labels: 'unsay:held_seconds:p95{namespace="prod", pod="a"}', value: 2}
          - {labels: 'unsay:held_seconds:p95{namespace="prod", pod="b"}', value: 0}
"""


def test_a_pod_that_releases_nothing_counts_as_one_where_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(only("hpa", "PrometheusRule")["spec"]))
    (tmp_path / "test.yml").write_text(HELD)
    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_alerts_and_dashboards_are_those_of_the_repository() -> None:
    monitoring = ROOT / "deploy/monitoring"
    alerts = yaml.safe_load((monitoring / "prometheus/alerts.yml").read_text())["groups"]
    assert only("hpa", "PrometheusRule")["spec"]["groups"][1:] == alerts
    made = [made for made in of_kind("hpa", "ConfigMap") if "grafana_dashboard" in made["metadata"]["labels"]]
    assert len({each["metadata"]["name"] for each in made}) == len(made) == 3
    written = {name: json.loads(text) for each in made for name, text in each["data"].items()}
    files = (monitoring / "grafana/dashboards").iterdir()
    assert written == {file.name: json.loads(file.read_text()) for file in files}
    assert all(path.is_symlink() for path in (CHART / "files").iterdir())


def test_the_job_is_the_one_that_the_alerts_name() -> None:
    label = only("keda", "PodMonitor")["spec"]["jobLabel"]
    assert pod("keda")["metadata"]["labels"][label] == "unsay"


def test_selectors_choose_the_pods_of_the_release() -> None:
    labels = pod("keda")["metadata"]["labels"].items()
    service = only("keda", "Service")["spec"]["selector"]
    others = [
        only("keda", "Deployment")["spec"]["selector"]["matchLabels"],
        only("keda", "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only("keda", "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        only("keda", "PodMonitor")["spec"]["selector"]["matchLabels"],
    ]
    assert service["app.kubernetes.io/instance"] == "demo"
    assert service.items() <= labels
    assert others == [service] * len(others)


def test_the_port_is_closed_to_all_but_those_that_are_named() -> None:
    (rule,) = only("keys", "NetworkPolicy")["spec"]["ingress"]
    spaces = [peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in rule["from"]]
    assert spaces == ["gateway", "observability"]
    assert only("keys", "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]
    ports = [port["port"] for rule in only("default", "NetworkPolicy")["spec"]["egress"] for port in rule["ports"]]
    assert ports == [53, 53]
    assert [rule["ports"][0]["port"] for rule in only("gpu", "NetworkPolicy")["spec"]["egress"]] == [53, 443, 8001]


def test_notes_warn_of_what_is_open() -> None:
    def notes(name: str) -> str:
        return rendered(values_of(name))["unsay/templates/NOTES.txt"]

    assert "nobody is asked for a key" in notes("default") and "nobody is asked for a key" not in notes("keys")
    assert "no network policy" in notes("replicas") and "no network policy" not in notes("default")
    assert "Nothing is scraped" in notes("default") and "Nothing is scraped" not in notes("hpa")
    assert "has 50.5 seconds" in notes("keys")


def test_the_chart_is_of_this_version_of_unsay() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'\nversion = "{chart["appVersion"]}"\n' in (ROOT / "pyproject.toml").read_text()
