"""What the operator decides, in each of the ways that it can be said."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.configuration import ScorerSettings, Settings, configured, parse, scorer_variables
from server.errors import StartError
from server.settings import BUNDLED_CLASSIFIER, BUNDLED_SCREEN


def test_everything_has_a_default() -> None:
    start = parse(["serve"])
    settings = start.settings
    assert (settings.policy_file, settings.scorer) == (None, f"detoxify:{BUNDLED_CLASSIFIER}")
    assert not settings.allow_loosen and settings.pairs_out is None and start.rest == ()
    assert settings.said() == {}


def test_the_bundled_screen_is_for_the_bundled_classifier_alone() -> None:
    assert parse(["serve"]).settings.screen == BUNDLED_SCREEN
    assert parse(["serve", "--detoxify", "original"]).settings.screen is None
    assert parse(["serve", "--screen", "none"]).settings.screen is None
    assert parse(["serve", "--detoxify", "x", "--screen", "y"]).settings.screen == Path("y")


def test_detoxify_is_the_short_form_of_a_scorers_name() -> None:
    assert parse(["serve", "--detoxify", "unbiased"]).settings.scorer == "detoxify:unbiased"
    assert (
        parse(["serve", "--scorer", "remote:http://hap#LABEL_1=insult"]).settings.scorer
        == "remote:http://hap#LABEL_1=insult"
    )
    bundled = parse(["serve", "--scorer", f"detoxify:{BUNDLED_CLASSIFIER}"])
    assert bundled == parse(["serve", "--detoxify", str(BUNDLED_CLASSIFIER)]) == parse(["serve"])
    assert parse(["serve", "--scorer", "words"]).settings.screen is None


def test_what_is_not_ours_is_passed_on_in_order() -> None:
    words = ["serve", "a/model", "--policy-file", "p.yaml", "--port", "8001", "--api-key", "k"]
    start = parse(words)
    assert start.settings.policy_file == Path("p.yaml")
    assert start.rest == ("a/model", "--port", "8001", "--api-key", "k")


def test_a_prefix_of_our_flags_is_not_taken_for_one() -> None:
    assert parse(["serve", "--policy", "x"]).rest == ("--policy", "x")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["nosuch"], "nosuch"),
        (["serve", "--scorer", "words", "--detoxify", "original"], "--detoxify: not allowed with argument --scorer"),
        (["serve", "--scorer-batch", "0"], "--scorer-batch"),
        (["serve", "--scorer-queue", "many"], "--scorer-queue"),
        (["serve", "--scorer-deadline", "nan"], "--scorer-deadline"),
        (["serve", "--scorer-deadline", "-1"], "--scorer-deadline"),
        (["serve", "--unsay-log-level", "loud"], "--unsay-log-level"),
    ],
)
def test_a_wrong_word_ends_the_program_and_is_named(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


def test_the_help_says_what_is_in_the_file_of_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["serve", "--pairs-out", "pairs.jsonl"]).settings.pairs_out == Path("pairs.jsonl")
    with pytest.raises(SystemExit):
        parse(["serve", "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "--pairs-out FILE" in help_text and "flagged text and prompts" in help_text


def file(folder: Path, content: object) -> str:
    path = folder / "unsay.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_the_nearest_word_counts(tmp_path: Path) -> None:
    """The file says all three, the variables two of them, the start one."""
    said = file(tmp_path, {"scorer_batch": 1, "scorer_queue": 1, "scorer_threads": 1})
    variables = {"UNSAY_CONFIG": said, "UNSAY_SCORER_BATCH": "2", "UNSAY_SCORER_QUEUE": "2", "UNSAY_SCREEN": ""}
    settings = configured(Settings, {"scorer_batch": 3}, variables)
    assert (settings.scorer_batch, settings.scorer_queue, settings.scorer_threads) == (3, 2, 1)
    assert settings.screen == BUNDLED_SCREEN, "an empty variable says nothing"


def test_the_start_may_name_the_file(tmp_path: Path) -> None:
    assert configured(Settings, {"config": file(tmp_path, {"allow_loosen": True})}, {}).allow_loosen


def test_a_variable_is_read_as_what_its_key_takes() -> None:
    variables = {"UNSAY_ALLOW_LOOSEN": "true", "UNSAY_SCORER_DEADLINE_SECONDS": "2.5", "UNSAY_SCREEN": "none"}
    settings = configured(Settings, {}, variables)
    assert (settings.allow_loosen, settings.scorer_deadline_seconds, settings.screen) == (True, 2.5, None)


@pytest.mark.parametrize("said", ["http://one,http://two", "http://one http://two", ["http://one", "http://two"]])
def test_several_upstreams_are_said_in_one_variable_or_in_a_list(said: Any) -> None:
    given, variables = ({}, {"UNSAY_UPSTREAM": said}) if isinstance(said, str) else ({"upstream": said}, {})
    assert configured(Settings, given, variables).upstream == ("http://one", "http://two")
    assert parse(["serve", "--upstream", "http://one", "--upstream", "http://two"]).settings.upstream == (
        "http://one",
        "http://two",
    )


def test_variables_that_kubernetes_makes_for_a_service_are_left_alone() -> None:
    assert configured(Settings, {}, {"UNSAY_PORT": "tcp://10.0.0.1:80", "UNSAY_SERVICE_HOST": "10.0.0.1"}) == Settings()


def test_what_was_said_is_understood_again_as_it_was() -> None:
    words = ("--screen", "none", "--policy-file", "p.yaml", "--allow-loosen", "--scorer-deadline", "3")
    settings = parse(["serve", *words]).settings
    said = json.loads(json.dumps(settings.said()))
    assert said == {"screen": None, "policy_file": "p.yaml", "allow_loosen": True, "scorer_deadline_seconds": 3.0}
    assert configured(Settings, said, {}) == settings


def test_a_scorer_by_itself_leaves_the_rest_of_a_servers_file(tmp_path: Path) -> None:
    said = file(tmp_path, {"policy_file": "p.yaml", "scorer_batch": 4})
    assert configured(ScorerSettings, {"config": said}, {}).scorer_batch == 4


@pytest.mark.parametrize(
    ("given", "variables", "line"),
    [
        ({"scorer_bach": 3}, {}, "unsay.scorer_bach: unknown key, did you mean 'scorer_batch'? known: "),
        ({"scorer_batch": 0}, {}, "unsay.scorer_batch: found the number 0, expected a whole number above 0"),
        ({"log_level": "loud"}, {}, "unsay.log_level: found the text 'loud', expected one of debug, info, "),
        ({}, {"UNSAY_SCORER_BATCH": "x"}, "UNSAY_SCORER_BATCH: found the text 'x', expected a whole number above 0"),
        ({}, {"UNSAY_CONFIG": "/no/such.yaml"}, "/no/such.yaml: cannot be read: "),
        (["scorer"], {}, "--additional-config: unsay: found a list of 1, expected an object"),
    ],
)
def test_what_does_not_fit_is_named_as_it_was_said(given: Any, variables: dict[str, str], line: str) -> None:
    with pytest.raises(StartError) as refused:
        configured(Settings, given, variables)
    assert str(refused.value).startswith(line)


@pytest.mark.parametrize(
    ("content", "line"),
    [({"scorer_batch": "many"}, ": scorer_batch: found the text 'many', "), ([1], ": found a list of 1, ")],
)
def test_a_key_of_the_file_is_named_with_the_file(tmp_path: Path, content: object, line: str) -> None:
    said = file(tmp_path, content)
    with pytest.raises(StartError) as refused:
        configured(Settings, {}, {"UNSAY_CONFIG": said})
    assert str(refused.value).startswith(said + line)


def test_a_page_is_served_unless_it_is_refused() -> None:
    assert parse(["serve"]).settings.page and not parse(["serve", "--no-page"]).settings.page


def test_the_documentation_lists_every_key() -> None:
    page = (Path(__file__).parents[1] / "docs/plugin.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and line.count("|") >= 4]
    assert set(Settings.model_fields) <= set(listed)
    for key, field in Settings.model_fields.items():
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert f"| `{key}` | {field.default:g} |" in page


URL = "redis://:hush@host:6379/0"


def test_a_password_is_said_where_nobody_looks_and_passed_on_to_nobody(tmp_path: Path) -> None:
    """VLLM logs its arguments, and a command line is for all to see."""
    for variables in ({"UNSAY_RATE_LIMITS_URL": URL}, {"UNSAY_CONFIG": file(tmp_path, {"rate_limits_url": URL})}):
        settings = configured(Settings, {"keys_file": "k.yaml"}, variables)
        assert settings.rate_limits_url == URL and settings.said() == {"keys_file": "k.yaml"}
    with pytest.raises(StartError, match=r"^unsay.rate_limits_url: others.*UNSAY_RATE_LIMITS_URL") as refused:
        configured(Settings, {"rate_limits_url": URL}, {})
    assert "hush" not in str(refused.value)
    plain = {"rate_limits_url": "redis://host:6379/0"}
    assert configured(Settings, plain, {}).said() == plain


def test_keys_are_said_by_flags_too() -> None:
    words = ["serve", "--keys-file", "k.yaml", "--pages-need-key", "--rate-limits-url", "redis://h"]
    said = parse(words).settings.said()
    assert said == {"keys_file": "k.yaml", "pages_need_key": True, "rate_limits_url": "redis://h"}


def test_what_is_said_to_another_process_is_what_it_reads() -> None:
    for said in ({}, {"scorer": "entry:a:b", "learned": None}, {"learned": "heads", "screen": "none"}):
        settings = ScorerSettings.model_validate(said)
        assert configured(ScorerSettings, {}, scorer_variables(settings)) == settings
