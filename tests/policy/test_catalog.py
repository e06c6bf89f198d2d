"""Tests of server/policy/catalog.py."""

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FileError
from server.policy.catalog import Catalog, builtin, check_categories, describe, load
from server.policy.looseness import loosened
from server.policy.policy import DEFAULT_THRESHOLDS, Policy
from tests.properties import examples

ORIGINAL = frozenset(DEFAULT_THRESHOLDS)
UNBIASED = ORIGINAL | {"sexual_explicit"}
SHIPPED = sorted((Path(__file__).parents[2] / "deploy" / "policies").glob("*.yaml"))
OF_KEYS = "an object of policy keys ({} for every default)"


def written(folder: Path, content: str) -> Path:
    path = folder / "policies.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def loaded(folder: Path, policy: str) -> Catalog:
    return load(written(folder, f"default: x\npolicies: {{x: {policy}}}"))


def refusal(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def test_a_file_gives_its_policies_by_name(tmp_path: Path) -> None:
    content = "default: b\npolicies:\n  a: {}\n  b: {mode: off, stride: 20}"
    catalog = load(written(tmp_path, content))
    assert catalog.policies == {"a": Policy(name="a"), "b": Policy(name="b", mode="off", stride=20)}
    assert catalog.default is catalog.policies["b"]


def test_thresholds_are_laid_over_the_default_ones(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "{thresholds: {insult: 0.2, sexual_explicit: 1}}").default
    assert dict(policy.thresholds) == {**DEFAULT_THRESHOLDS, "insult": 0.2, "sexual_explicit": 1.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("just words", "found the text 'just words', expected an object"),
        ("- a\n- b", "found a list of 2, expected an object"),
        (
            "default: x",
            "policies: missing, expected an object, each value an object of policy keys ({} for every default)",
        ),
        ("policies: {x: {}}", "default: missing, expected a name of 1 to 64 letters, digits, '_', '.', '/' or '-'"),
        ("policy: {}", "policy: unknown key, did you mean 'policies'? known: default, policies"),
        (
            "default: x\npolicies: {}",
            "policies: found no policy, expected at least one: a name of 1 to 64 letters, digits, '_', '.', '/' or '-'",
        ),
        ("default: y\npolicies: {x1: {}}", "default: 'y': unknown policy; known: x1"),
        (
            "default: standart\npolicies: {standard: {}, off: {}}",
            "default: 'standart': unknown policy, did you mean 'standard'? known: off, standard",
        ),
        (
            "default: x\npolicies: {x: null}",
            f"policies.x: found null, expected {OF_KEYS}",
        ),
        (
            "default: x\nloosen_keys: [secret]\npolicies: {x: {}}",
            "loosen_keys: rights belong to keys: take it out, and see `unsay keys new --right loosen`",
        ),
        (
            "default: x\npolicies: {a b: {}}",
            "policies.a b: found the text 'a b', expected a name of 1 to 64 letters, digits, '_', '.', '/' or '-'",
        ),
    ],
)
def test_a_broken_top_level_is_one_line(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(written(tmp_path, content)) == message


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("{thresholds: {toxicity: 1.5}}", "thresholds.toxicity: found the number 1.5, expected a number from 0 to 1"),
        ("{thresholds: {toxicity: .nan}}", "thresholds.toxicity: found the number nan, expected a number from 0 to 1"),
        ("{thresholds: {insult: null}}", "thresholds.insult: found null, expected a number from 0 to 1"),
        ("{thresholds: [0.5]}", "thresholds: found a list of 1, expected an object, each value a number from 0 to 1"),
        ("{mode: on}", "mode: found the text 'on', expected one of enforce, monitor, off"),
        ("{stride: 0}", "stride: found the number 0, expected a whole number of at least 1"),
        ("{stride: true}", "stride: found true, expected a whole number of at least 1"),
        ("{max_rewind_seconds: 0}", "max_rewind_seconds: found the number 0, expected a number above 0"),
        ("{open_to_requests: yes}", "open_to_requests: found the text 'yes', expected true or false"),
        ("{mask_text: ''}", "mask_text: found the text '', expected text of 1 to 64 characters"),
        ("{name: x}", "name: not allowed here: this policy is named by its key, 'x'"),
    ],
)
def test_a_broken_policy_is_one_line_with_its_key(tmp_path: Path, policy: str, message: str) -> None:
    assert refusal(written(tmp_path, f"default: x\npolicies: {{x: {policy}}}")) == f"policies.x.{message}"


@pytest.mark.parametrize(
    ("policy", "start"),
    [
        ("{hold_back: 65}", "hold_back: found the number 65, expected at most context (64), as "),
        ("{stride: 40}", "max_stride: found the number 32 (the default), expected at least stride (40), as windows"),
        ("{first_stride: 20}", "stride: found the number 16 (the default), expected at least first_stride (20), as "),
    ],
)
def test_keys_that_contradict_each_other_are_told_with_the_reason(tmp_path: Path, policy: str, start: str) -> None:
    assert refusal(written(tmp_path, f"default: x\npolicies: {{x: {policy}}}")).startswith(f"policies.x.{start}")


def test_an_unknown_policy_key_names_the_nearest(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "default: x\npolicies: {x: {holdback: 4}}"))
    assert message.startswith("policies.x.holdback: unknown key, did you mean 'hold_back'? known: audit_text, ")


def test_the_builtin_policies_need_no_right_but_for_monitor_and_off() -> None:
    catalog = builtin()
    assert list(catalog.policies) == ["default", "strict", "monitor", "off"]
    assert catalog.default is catalog.policies["default"]
    looser = {name: loosened(catalog.default, policy) for name, policy in catalog.policies.items()}
    assert looser == {"default": (), "strict": (), "monitor": ("mode",), "off": ("mode",)}


def test_default_categories_that_the_scorer_lacks_are_left_out(tmp_path: Path) -> None:
    catalog = check_categories(loaded(tmp_path, "{thresholds: {insult: 0.2}}"), {"insult", "toxicity", "other"})
    assert dict(catalog.default.thresholds) == {"insult": 0.2, "toxicity": DEFAULT_THRESHOLDS["toxicity"]}
    assert catalog.policies["x"] is catalog.default
    assert catalog.unasked.policy is catalog.default
    assert catalog.categories == frozenset({"insult", "toxicity", "other"})


def test_a_category_that_the_file_names_must_be_the_scorers(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, "{thresholds: {sexual_explicit: 0.4}}")
    assert check_categories(catalog, UNBIASED).default.thresholds["sexual_explicit"] == 0.4
    with pytest.raises(FileError, match=r"policies\.yaml: policies\.x\.thresholds\.sexual_explicit: unknown"):
        check_categories(catalog, ORIGINAL)


def test_naming_a_default_category_counts_as_naming(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"policies\.x\.thresholds\.threat: unknown category.* known: insult"):
        check_categories(loaded(tmp_path, "{thresholds: {threat: 0.5}}"), {"insult"})


def test_a_policy_that_would_judge_nothing_is_refused() -> None:
    with pytest.raises(FileError, match=r"built-in policies: policies\.default\.thresholds: .* scorer: hate$"):
        check_categories(builtin(), {"hate"})


def test_a_policy_that_is_off_needs_no_category(tmp_path: Path) -> None:
    assert check_categories(loaded(tmp_path, "{mode: off}"), {"hate"}).default.thresholds == {}


def test_the_description_is_complete(tmp_path: Path) -> None:
    catalog = load(written(tmp_path, "default: a\npolicies: {a: {}, b: {}}"))
    described = json.loads(json.dumps(describe(catalog)))
    assert (described["object"], described["default"]) == ("list", "a")
    assert [policy["name"] for policy in described["data"]] == ["a", "b"]
    assert set(described["data"][0]) == set(Policy.model_fields)


def test_a_catalog_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(builtin(), "default", Policy(mode="off"))  # noqa: B010 (mypy refuses the plain assignment)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_loads_for_every_detoxify_model(path: Path) -> None:
    assert check_categories(load(path), ORIGINAL).default.name == path.stem
    assert check_categories(load(path), UNBIASED).default.name == path.stem


def test_the_shipped_files_do_what_they_say() -> None:
    files = {path.stem: load(path) for path in SHIPPED}
    assert set(files) == {"standard", "children", "monitor"}
    assert files["standard"].default == Policy(name="standard")
    assert files["monitor"].default.mode == "monitor"
    assert loosened(files["monitor"].default, files["monitor"].policies["enforced"]) == ()
    assert all(score <= 0.2 for score in files["children"].default.thresholds.values())


def test_the_standard_file_shows_every_key() -> None:
    text = next(path for path in SHIPPED if path.stem == "standard").read_text(encoding="utf-8")
    for key in Policy.model_fields.keys() - {"name"}:
        assert f"\n    {key}:" in text, key


def test_thresholds_of_a_language_are_of_categories_that_the_scorer_has(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, "{languages: {de: {sexual_explicit: 0.4}}}")
    assert check_categories(catalog, UNBIASED).default.languages == {"de": {"sexual_explicit": 0.4}}
    with pytest.raises(FileError, match=r"policies\.x\.languages\.de\.sexual_explicit: unknown category"):
        check_categories(catalog, ORIGINAL)


def test_a_language_that_cannot_be_told_apart_is_refused(tmp_path: Path) -> None:
    problem = refusal(written(tmp_path, "default: x\npolicies: {x: {languages: {xx: {toxicity: 0.3}}}}"))
    assert (
        problem.startswith("policies.x.languages: found an object, expected codes of languages") and "'xx'" in problem
    )


def test_of_a_keys_own_policies_alone_the_first_is_the_default() -> None:
    described = describe(builtin(), ("strict", "gone", "off"))
    assert described["default"] == "strict"
    assert [policy["name"] for policy in cast(Any, described["data"])] == ["strict", "off"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
POLICY_KEYS = st.dictionaries(st.sampled_from(sorted(Policy.model_fields)), VALUES | st.integers(0, 64), max_size=3)
NAMES = st.sampled_from(["a", "b", "a b"])
FILES = st.one_of(
    st.binary(max_size=60),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"default": NAMES, "policies": st.dictionaries(NAMES, POLICY_KEYS | VALUES, max_size=2)}).map(
        lambda file: json.dumps(file).encode()
    ),
)


@given(FILES)
@examples(150)
def test_whatever_a_file_holds_is_a_catalog_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "policies.yaml"
    path.write_bytes(content)
    try:
        catalog = load(path)
    except FileError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return
    assert catalog.policies[catalog.default.name] is catalog.default
