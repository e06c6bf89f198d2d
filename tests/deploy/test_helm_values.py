"""The chart's values: each explained, used, and known to the schema, which refuses what is wrong by its name."""

import json
import re
from typing import Any

import helm_python
import pytest
import yaml

from tests.deploy.charts import CHART, changed, rendered

VALUES_TEXT = (CHART / "values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(VALUES_TEXT)
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
TEMPLATES = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())
FREE = ("resources.requests", "resources.limits", "settings")
"""Maps whose keys are whoever writes them."""


def leaves(tree: dict[str, Any], before: str = "") -> list[str]:
    """The values by their paths: what is no map, or a map that is the operator's own."""
    found = []
    for key, value in tree.items():
        path = f"{before}{key}"
        inner = isinstance(value, dict) and value and path not in FREE
        found += leaves(value, f"{path}.") if inner else [path]
    return found


@pytest.mark.parametrize("path", leaves(VALUES))
def test_a_value_is_explained_above_it_and_used(path: str) -> None:
    *_, key = path.split(".")
    assert re.search(rf"^ *# .*\.$\n *{key}:", VALUES_TEXT, re.MULTILINE), "a line above says what it is"
    block, _, rest = path.partition(".")
    within = re.search(rf"with \.Values\.{block} ?}}}}(?:(?!with ).)*?\.{rest}\b", TEMPLATES, re.DOTALL)
    assert f".Values.{path}" in TEMPLATES or (rest and within)


@pytest.mark.parametrize("path", leaves(VALUES))
def test_a_value_of_the_wrong_kind_is_refused_by_its_name(path: str) -> None:
    *_, key = path.split(".")
    with pytest.raises(helm_python.HelmError, match=key):
        rendered(changed(*path.split("."), to=[17]))


@pytest.mark.parametrize("path", ["replica", "image.tags", "autoscaling.heldSecond", "networkPolicy.form"])
def test_a_misspelt_value_is_refused_by_its_name(path: str) -> None:
    *_, key = path.split(".")
    with pytest.raises(helm_python.HelmError, match=key):
        rendered(changed(*path.split("."), to=1))


def test_the_schema_knows_the_values_and_no_others() -> None:
    def known(schema: dict[str, Any], before: str = "") -> set[str]:
        inner = schema.get("properties", {}) if schema.get("additionalProperties") is False else {}
        paths = [known(value, f"{before}{key}.") or {f"{before}{key}"} for key, value in inner.items()]
        return set().union(*paths)

    assert known(SCHEMA) - {"global"} == set(leaves(VALUES))


@pytest.mark.parametrize("key", ["policy_file", "keys_file"])
def test_a_file_is_said_in_one_way(key: str) -> None:
    with pytest.raises(helm_python.HelmError, match=key):
        rendered(changed("settings", key, to="/elsewhere.yaml"))
