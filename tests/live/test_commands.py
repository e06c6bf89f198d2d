"""Both doors are told the same."""

import json

from server.configuration import parse
from tests.live.commands import DOORS, LIKE_OURS, command, plugin, unguarded

SETTINGS = {"scorer": "entry:a:b", "scorer_deadline_seconds": 3.0, "max_under_way": 7, "scorer_process": "shared"}


def test_both_doors_have_the_same_settings() -> None:
    words, environment = command(SETTINGS)
    assert words[:3] == ["unsay", "serve", "mini"] and environment == {}
    settings = parse(words[1:]).settings
    words, environment = plugin(SETTINGS)
    (own,) = json.loads(words[-1]).values()
    assert own == SETTINGS == {key: getattr(settings, key) for key in SETTINGS}
    assert words[:2] == ["vllm", "serve"] and environment == {"VLLM_PLUGINS": "unsay"}
    assert set(DOORS) == {"command", "plugin"}


def test_plain_vllm_is_told_what_ours_says_by_itself_and_nothing_of_us() -> None:
    words, environment = unguarded()
    assert words[-len(LIKE_OURS) :] == list(LIKE_OURS) and environment == {"VLLM_PLUGINS": ""}
