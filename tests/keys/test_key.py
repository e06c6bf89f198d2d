"""What a key is known by, and what it may."""

import hashlib
from typing import get_args

from server.keys.key import ANYBODY, RIGHTS, Key, Quota, Right, digest


def test_a_key_is_known_by_its_sha256() -> None:
    assert digest("usk-1") == hashlib.sha256(b"usk-1").digest()
    assert digest("\udc80é")


def test_it_has_the_rights_that_it_was_given_and_no_other() -> None:
    for right in RIGHTS:
        assert Key("k", rights=frozenset({right})).may(right)
        assert not ANYBODY.may(right)
    assert get_args(Right) == RIGHTS == ("loosen", "trace", "flagged_text", "feedback", "review")


def test_without_limits_nothing_is_bounded() -> None:
    assert not Quota().bounds
    assert all(Quota(**{name: 1}).bounds for name in Quota.model_fields)
