"""Tests of server/policy/resolve.py."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadRequest, Forbidden
from server.policy.catalog import Catalog, builtin, check_categories
from server.policy.looseness import loosened
from server.policy.policy import DEFAULT_THRESHOLDS, Policy, Resolved
from server.policy.resolve import DetoxRequest, parse, resolve

BUILTIN = check_categories(builtin(), [*DEFAULT_THRESHOLDS, "sexual_explicit"])
WRONG: dict[str, list[object]] = {
    "policy": [1, True, ["default"], {}, 0.5],
    "mode": [1, True, "on", "", ["off"], {}, "x" * 1000],
    "thresholds": [1, True, "0.5", [], [0.5]],
    "languages": [1, True, "de", [], {"xx": {}}, {"DE": {}}],
    "languages.de": [1, "0.5", []],
    "languages.de.insult": [True, "0.5", -0.1, 1.1, math.nan],
    "on_exhausted": [1, False, "stop", [], {}],
    "max_rewinds": [True, 1.0, "3", -1, [], {}, math.nan],
    "on_prompt": [1, True, "block", [], {}],
    "on_unread": [1, True, "ignore", [], {}],
    "keep_text": [1, True, "some", [], {}],
    "report": [1, 0, "true", [], {}],
    "trace": [1, 0, "true", [], {}],
    "thresholds.insult": [True, "0.5", None, -0.1, 1.1, math.nan, math.inf, [], {}],
}


def catalog_of(*policies: Policy) -> Catalog:
    return Catalog(default=policies[0], policies={policy.name: policy for policy in policies})


def body(key: str, value: object) -> dict[str, object]:
    first, _, rest = key.partition(".")
    return {first: body(rest, value) if rest else value}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_wrong_type_or_value_at_any_key_names_that_key(key: str, value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        resolve(BUILTIN, body(key, value), None, may_loosen=True)
    assert caught.value.param == f"detox.{key}"
    assert caught.value.message.startswith(f"detox.{key}: found ")
    assert len(caught.value.message) < 200


def test_the_table_of_wrong_values_has_every_key() -> None:
    assert {key.partition(".")[0] for key in WRONG} == set(DetoxRequest.model_fields)


@pytest.mark.parametrize("raw", [[], "strict", 1, True, 0.5, "", False])
def test_a_detox_that_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(BadRequest, match=r"^detox: found .*, expected an object$") as caught:
        resolve(BUILTIN, raw, None, may_loosen=True)
    assert caught.value.param == "detox"


@pytest.mark.parametrize("key", ["thresold", "stride", "", "\ud800", "name"])
def test_an_unknown_key_is_refused_with_the_known_ones(key: str) -> None:
    with pytest.raises(
        BadRequest, match=r"unknown key.* known: keep_text, languages, max_rewinds, mode, on_exhausted, on_prompt"
    ) as caught:
        parse({key: 1})
    assert caught.value.message.isprintable()


def test_an_unknown_category_is_refused_with_the_scorers() -> None:
    with pytest.raises(
        BadRequest, match=r"unknown category, did you mean 'insult'[?] known: identity_attack"
    ) as caught:
        resolve(BUILTIN, {"thresholds": {"insults": 0.1}}, None, may_loosen=False)
    assert caught.value.param == "detox.thresholds.insults"


def test_null_counts_as_absent() -> None:
    assert parse(dict.fromkeys(DetoxRequest.model_fields)) == DetoxRequest()


@pytest.mark.parametrize(
    ("raw", "header", "param"),
    [({"policy": "strct"}, None, "detox.policy"), (None, "strct", "X-Detox-Policy"), (None, " ", "X-Detox-Policy")],
)
def test_an_unknown_policy_is_refused_with_the_known_ones(raw: object, header: str | None, param: str) -> None:
    with pytest.raises(BadRequest, match=r"known: default, monitor, off, strict$") as caught:
        resolve(BUILTIN, raw, header, may_loosen=True)
    assert caught.value.param == param


def test_body_and_header_may_name_the_same_policy_only() -> None:
    assert resolve(BUILTIN, {"policy": "strict"}, " strict ", may_loosen=False).policy.name == "strict"
    with pytest.raises(BadRequest, match="another policy than in the header X-Detox-Policy"):
        resolve(BUILTIN, {"policy": "strict"}, "default", may_loosen=False)


def test_the_header_names_the_policy_and_the_body_tightens_it() -> None:
    policy = resolve(BUILTIN, {"thresholds": {"insult": 0.1}}, "strict", may_loosen=False).policy
    assert (policy.name, policy.hold_back) == ("strict", 8)
    assert policy.thresholds == {**dict.fromkeys(DEFAULT_THRESHOLDS, 0.3), "toxicity": 0.15, "insult": 0.1}


def test_a_request_that_asks_for_nothing_gets_what_is_already_there() -> None:
    first = resolve(BUILTIN, None, None, may_loosen=False)
    assert first is resolve(BUILTIN, None, None, may_loosen=True)
    assert first == Resolved(BUILTIN.default, report=True)


def test_the_report_can_be_left_out_without_any_right() -> None:
    assert not resolve(BUILTIN, {"report": False}, None, may_loosen=False).report


@pytest.mark.parametrize("asked", ["score", "refuse"])
def test_a_request_may_have_its_prompt_judged(asked: str) -> None:
    assert resolve(BUILTIN, {"on_prompt": asked}, None, may_loosen=False).policy.on_prompt == asked


def test_a_request_cannot_have_its_prompt_pass_where_the_policy_refuses_it() -> None:
    with pytest.raises(Forbidden, match=r"^detox\.on_prompt: looser than in policy 'default'"):
        resolve(catalog_of(Policy(on_prompt="refuse")), {"on_prompt": "score"}, None, may_loosen=False)


def test_a_category_that_the_policy_does_not_judge_may_be_added() -> None:
    policy = resolve(BUILTIN, {"thresholds": {"sexual_explicit": 1.0}}, None, may_loosen=False).policy
    assert policy.thresholds["sexual_explicit"] == 1.0


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        ({"mode": "monitor"}, "detox.mode"),
        ({"mode": "off", "thresholds": {"insult": 0.0}}, "detox.mode"),
        ({"thresholds": {"insult": 0.51}}, "detox.thresholds.insult"),
        ({"on_exhausted": "truncate"}, "detox.on_exhausted"),
        ({"max_rewinds": 17}, "detox.max_rewinds"),
        ({"policy": "monitor"}, "detox.policy"),
        ({"policy": "off", "mode": "enforce"}, "detox.policy"),
        ({"policy": "strict", "thresholds": {"insult": 0.4}}, "detox.thresholds.insult"),
    ],
)
def test_loosening_needs_the_right(raw: dict[str, Any], param: str) -> None:
    with pytest.raises(Forbidden, match="may only tighten") as caught:
        resolve(BUILTIN, raw, None, may_loosen=False)
    assert caught.value.param == param
    policy = resolve(BUILTIN, raw, None, may_loosen=True).policy
    assert all(getattr(policy, key) == raw[key] for key in raw.keys() - {"policy", "thresholds"})


def test_a_looser_policy_named_in_the_header_is_told_by_its_header() -> None:
    with pytest.raises(Forbidden, match="policy 'monitor' is looser than 'default' in 'mode'") as caught:
        resolve(BUILTIN, None, "monitor", may_loosen=False)
    assert caught.value.param == "X-Detox-Policy"


def test_an_open_policy_may_be_chosen_but_not_loosened_further() -> None:
    catalog = catalog_of(Policy(), Policy(name="measured", mode="monitor", open_to_requests=True))
    assert resolve(catalog, None, "measured", may_loosen=False).policy.mode == "monitor"
    assert resolve(catalog, {"mode": "enforce"}, "measured", may_loosen=False).policy.mode == "enforce"
    with pytest.raises(Forbidden, match=r"^detox\.mode: looser than in policy 'measured'"):
        resolve(catalog, {"mode": "off"}, "measured", may_loosen=False)


def test_a_request_cannot_have_flagged_text_released_by_forgoing_its_rewinds() -> None:
    catalog = catalog_of(Policy(on_exhausted="flag"))
    with pytest.raises(Forbidden, match=r"^detox\.max_rewinds: "):
        resolve(catalog, {"max_rewinds": 0}, None, may_loosen=False)
    tightened = resolve(catalog, {"max_rewinds": 0, "on_exhausted": "refuse"}, None, may_loosen=False).policy
    assert (tightened.max_rewinds, tightened.on_exhausted) == (0, "refuse")


SCORES = st.dictionaries(st.sampled_from(["insult", "threat", "obscene"]), st.sampled_from([0.0, 0.5, 1.0]))
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["enforce", "monitor", "off"]),
    "thresholds": SCORES,
    "on_exhausted": st.sampled_from(["refuse", "truncate", "mask", "flag"]),
    "max_rewinds": st.integers(0, 3),
    "on_prompt": st.sampled_from(["ignore", "score", "refuse"]),
}


def policies(name: str) -> st.SearchStrategy[Policy]:
    others = {"hold_back": st.integers(0, 2), "on_scorer_failure": st.sampled_from(["closed", "open"])}
    return st.builds(Policy, name=st.just(name), open_to_requests=st.booleans(), **KEYS, **others)


@given(
    default=policies("a"),
    other=policies("b"),
    raw=st.none() | st.fixed_dictionaries({}, optional={"policy": st.sampled_from("ab"), **KEYS}),
    header=st.sampled_from([None, "a", "b"]),
)
def test_without_the_right_nothing_looser_is_ever_given(
    default: Policy, other: Policy, raw: dict[str, Any] | None, header: str | None
) -> None:
    try:
        given_policy = resolve(catalog_of(default, other), raw, header, may_loosen=False).policy
    except (BadRequest, Forbidden):
        return
    base = other if given_policy.name == "b" and other.open_to_requests else default
    assert loosened(base, given_policy) == ()


@given(default=policies("a"), raw=st.fixed_dictionaries({}, optional=KEYS), right=st.booleans())
def test_a_request_gets_all_it_asks_for_or_an_error(default: Policy, raw: dict[str, Any], right: bool) -> None:
    try:
        policy = resolve(catalog_of(default), raw, None, may_loosen=right).policy
    except Forbidden:
        assert not right
        return
    asked = {**raw, "thresholds": {**default.thresholds, **raw.get("thresholds", {})}}
    assert policy.model_dump() == {**default.model_dump(), **asked}


OWN = ("monitor", "strict")


def own(raw: Any = None, header: str | None = None, *, may_loosen: bool = False) -> Policy:
    return resolve(BUILTIN, raw, header, may_loosen=may_loosen, own=OWN).policy


def test_a_key_with_policies_of_its_own_has_the_first_unless_it_names_another() -> None:
    """Also where that is looser than everybody's."""
    assert own() is own({}) is own(None, "monitor") is BUILTIN.policies["monitor"]
    assert own({"policy": "strict"}) is own(None, " strict ") is BUILTIN.policies["strict"]


@pytest.mark.parametrize("loosen", [False, True])
@pytest.mark.parametrize("name", ["default", "off", "nosuch"])
def test_it_may_have_no_other(name: str, loosen: bool) -> None:
    with pytest.raises(Forbidden, match=r"^detox.policy: .*of this API key are: monitor, strict$"):
        own({"policy": name}, may_loosen=loosen)
    with pytest.raises(Forbidden, match=r"^X-Detox-Policy: "):
        own(None, name, may_loosen=loosen)


def test_it_may_not_loosen_its_own_without_the_right() -> None:
    with pytest.raises(Forbidden, match=r"^detox.mode: looser than in policy 'strict'"):
        own({"policy": "strict", "mode": "off"})
    assert own({"policy": "strict", "mode": "off"}, may_loosen=True).mode == "off"
    assert own({"mode": "enforce"}).mode == "enforce"


@pytest.mark.parametrize("raw", [None, {}, {"policy": "gone"}])
def test_where_its_policy_is_not_there_nothing_takes_its_place(raw: Any) -> None:
    with pytest.raises(Forbidden, match=r"policy 'gone': this API key has it, but the server does not"):
        resolve(BUILTIN, raw, None, may_loosen=True, own=("gone", "strict"))


GERMAN = Policy(languages={"de": {"toxicity": 0.3, "insult": 0.4}})


@pytest.mark.parametrize(
    ("asked", "german"),
    [
        ({"thresholds": {"toxicity": 0.1}}, {"toxicity": 0.1, "insult": 0.4}),
        ({"thresholds": {"insult": 0.45}}, {"toxicity": 0.3, "insult": 0.4}),
        ({"languages": {"de": {"insult": 0.2}}}, {"toxicity": 0.3, "insult": 0.2}),
        ({"languages": {"fr": {"insult": 0.2}}}, {"toxicity": 0.3, "insult": 0.4}),
        ({"thresholds": {"toxicity": 0.1}, "languages": {"de": {"toxicity": 0.05}}}, {"toxicity": 0.05, "insult": 0.4}),
        ({"on_unread": "hold"}, {"toxicity": 0.3, "insult": 0.4}),
    ],
)
def test_thresholds_that_are_asked_for_hold_in_every_language(asked: dict[str, Any], german: dict[str, float]) -> None:
    policy = resolve(catalog_of(GERMAN), asked, None, may_loosen=False).policy
    assert policy.languages["de"] == german
    assert policy.on_unread == asked.get("on_unread", "pass")


def test_a_language_is_not_loosened_without_the_right() -> None:
    asked = {"languages": {"fr": {"insult": 0.6}}}
    with pytest.raises(Forbidden) as caught:
        resolve(BUILTIN, asked, None, may_loosen=False)
    assert caught.value.param == "detox.languages.fr.insult"
    policy = resolve(BUILTIN, asked, None, may_loosen=True).policy
    assert policy.thresholds_in("fr")["insult"] == 0.6 and policy.thresholds["insult"] == 0.5


def test_a_category_of_a_language_must_be_the_scorers() -> None:
    with pytest.raises(BadRequest, match=r"^detox\.languages\.de\.hate: unknown category"):
        resolve(BUILTIN, {"languages": {"de": {"hate": 0.1}}}, None, may_loosen=False)


MODERATED = {"model": "m", "policy": {"output": {"mode": "block"}}}


def test_a_moderation_alone_tightens_the_default_policy() -> None:
    resolved = resolve(BUILTIN, None, None, MODERATED, may_loosen=False)
    assert resolved == Resolved(BUILTIN.default.model_copy(update={"on_prompt": "score"}), moderation=True)


def test_what_a_request_may_not_loosen_is_still_refused_where_a_moderation_would_tighten_it_again() -> None:
    with pytest.raises(Forbidden):
        resolve(BUILTIN, {"mode": "off"}, None, MODERATED, may_loosen=False)


def test_of_a_detox_and_a_moderation_the_stricter_holds() -> None:
    resolved = resolve(BUILTIN, {"mode": "off", "report": False, "trace": True}, None, MODERATED, may_loosen=True)
    assert resolved.policy.mode == "enforce" and not resolved.report and resolved.moderation and resolved.trace


def test_a_request_may_have_less_of_its_text_kept_and_not_more() -> None:
    keeping = catalog_of(Policy(keep_text="released"))
    assert resolve(keeping, {"keep_text": "none"}, None, may_loosen=False).policy.keep_text == "none"
    with pytest.raises(Forbidden) as refused:
        resolve(keeping, {"keep_text": "all"}, None, may_loosen=False)
    assert refused.value.param == "detox.keep_text"
