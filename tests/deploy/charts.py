"""The chart as Helm renders it (its own Go code, in a package), and manifests as Kubernetes' schemas judge them."""

from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/unsay"
SETS = ("default", *sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
"""The defaults, and what stands in the chart's folder ci/."""
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
"""Of Kubernetes: the oldest that the chart takes, and the newest whose schemas are known."""
EXTENSIONS = ("keda.sh", "monitoring.coreos.com", "ray.io", "serving.kserve.io")
"""Groups whose kinds are not Kubernetes' own."""

RELEASE, NAMESPACE = "demo", "prod"

Manifest = dict[str, Any]


def values(name: str) -> dict[str, Any]:
    """The values of one set."""
    return {} if name == "default" else dict(yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text()))


def changed(*path: str, to: object) -> dict[str, Any]:
    """Values that change one of the defaults."""
    given: Any = to
    for key in reversed(path):
        given = {key: given}
    return dict(given)


def rendered(given: dict[str, Any]) -> dict[str, str]:
    """What Helm makes of the chart with these values, by template."""
    with helm_python.Chart.load(str(CHART)) as chart:
        return dict(chart.render(given, name=RELEASE, namespace=NAMESPACE))


def manifests(given: dict[str, Any]) -> list[Manifest]:
    """The manifests, without the notes."""
    texts = [text for name, text in rendered(given).items() if not name.endswith("NOTES.txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@cache
def _of_set(name: str) -> list[Manifest]:
    return manifests(values(name))


def of_kind(name: str, kind: str) -> list[Manifest]:
    """The manifests of a set that are of this kind."""
    return [manifest for manifest in _of_set(name) if manifest["kind"] == kind]


def only(name: str, kind: str) -> Manifest:
    """The one manifest of a set that is of this kind."""
    (manifest,) = of_kind(name, kind)
    return manifest


def pod(name: str) -> Manifest:
    """The pod that a set's deployment makes."""
    found: Manifest = only(name, "Deployment")["spec"]["template"]
    return found


def container(name: str) -> Manifest:
    """Its container."""
    (found,) = pod(name)["spec"]["containers"]
    return dict(found)


def check(manifest: Manifest) -> None:
    """Raise if the oldest or the newest Kubernetes would refuse a manifest, or drop a part that it does not know."""
    for version in (OLDEST, NEWEST):
        kubernetes_validate.validate(manifest, version, strict=True)


def is_own(manifest: Manifest) -> bool:
    """Whether a manifest is of one of Kubernetes' own kinds."""
    return manifest["apiVersion"].split("/")[0] not in EXTENSIONS
