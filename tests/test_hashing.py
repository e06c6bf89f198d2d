from server.hashing import hashed, policy_hash
from server.policy.policy import Policy


def test_a_text_is_known_by_its_sha256_whatever_is_in_it() -> None:
    assert hashed("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert len(hashed("\ud83d")) == 64


def test_policies_of_the_same_keys_are_the_same_and_no_others() -> None:
    assert policy_hash(Policy()) == policy_hash(Policy())
    assert policy_hash(Policy()) != policy_hash(Policy(max_rewinds=1))
