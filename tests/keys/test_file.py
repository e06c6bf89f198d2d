"""The file of keys: a whole set, or one line that names what does not fit and holds no secret."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import FileError
from server.keys.file import Keys, check_policies, load
from server.keys.key import RIGHTS, Key, Quota, digest
from tests.properties import examples

SECRET = "hush-hush"
HASH = hashlib.sha256(b"first").hexdigest()
OTHER = hashlib.sha256(b"second").hexdigest()


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "keys.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def loaded(folder: Path, entry: str) -> Key:
    (key,) = load(written(folder, f"keys: {{app: {{hash: {HASH}, {entry}}}}}"))
    return key


def refusal(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{path}: ") and SECRET not in message
    return message.removeprefix(f"{path}: ")


def test_a_key_is_found_by_what_it_is_known_by(tmp_path: Path) -> None:
    keys = load(written(tmp_path, f"keys: {{app: {{hash: {HASH.upper()}}}, other: {{hash: {OTHER}}}}}"))
    assert keys.find(digest("first")) == Key("app") and keys.find(digest("second")) == Key("other")
    assert keys.find(digest("third")) is None and len(keys) == 2


def test_all_of_them_are_compared_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, compared = load(written(tmp_path, f"keys: {{a: {{hash: {HASH}}}, b: {{hash: {OTHER}}}}}")), list[bytes]()

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert keys.find(digest("first")) and compared == [digest("first"), digest("second")]


def test_what_is_said_of_a_key_is_what_it_has(tmp_path: Path) -> None:
    each_user = "each_user: {tokens_per_minute: 7, concurrency: 1}"
    key = loaded(tmp_path, f"policies: [b, a], rights: [trace, loosen], requests_per_minute: 3, {each_user}")
    assert key.policies == ("b", "a") and key.rights == {"loosen", "trace"}
    assert (key.quota, key.each_user) == (Quota(requests_per_minute=3), Quota(tokens_per_minute=7, concurrency=1))
    assert loaded(tmp_path, "rights: [], requests_per_minute: null") == Key("app")


def test_a_set_without_keys_knows_nobody(tmp_path: Path) -> None:
    assert len(load(written(tmp_path, "keys: {}"))) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "found an empty file, expected the key 'keys'"),
        (SECRET, "found a text of 9 characters, expected an object"),
        ("key: {}", "key: unknown key, did you mean 'keys'? known: keys"),
        (f"keys: {SECRET}", "keys: found a text of 9 characters, expected an object, each value "),
        (f"keys: {{app: {SECRET}}}", "keys.app: found a text of 9 characters, expected an object with the key 'hash'"),
        ("keys: {app: {}}", "keys.app.hash: missing, expected 64 hexadecimal digits, the SHA-256 of a key ("),
        (f"keys: {{app: {{hash: {SECRET}}}}}", "keys.app.hash: found a text of 9 characters, expected 64 "),
        ("keys: {app: {hash: 1}}", "keys.app.hash: found a number, expected 64 hexadecimal digits"),
        (f"keys: {{{'x' * 65}: {{}}}}", "keys.a text of 65 characters: found a text of 65 characters, expected a name"),
        (f"keys: {{usk-{SECRET}: {{}}}}", "keys: found a key where its name belongs"),
        (f"keys: {{app: {{hash: !!int {SECRET}}}}}", "not usable as YAML: a value that cannot be what its tag says"),
        (f"keys: {{app: {{hash: {HASH}}}, b: {{hash: {HASH}}}}}", "keys.b.hash: the same as that of 'app', expected "),
    ],
)
def test_a_broken_file_is_one_line_that_tells_no_value(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(written(tmp_path, content)).startswith(message)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            f"rights: [{SECRET}]",
            "rights.0: found a text of 9 characters, expected one of loosen, trace, ",
        ),
        ("rights: loosen", "rights: found a text of 6 characters, expected a list, each one of loosen, "),
        ("policies: []", "policies: found a list of 0, expected a list"),
        ("policies: [a b]", "policies.0: found a text of 3 characters, expected a name of 1 to 64 letters"),
        ("concurrency: 0", "concurrency: found a number, expected a whole number of at least 1"),
        ("requests_per_minute: '5'", "requests_per_minute: found a text of 1 characters, expected a whole number"),
        ("tokens_per_minute: true", "tokens_per_minute: found true, expected a whole number of at least 1"),
        ("right: []", "right: unknown key, did you mean 'rights'? known: concurrency, each_user, hash, "),
        ("each_user: {request: 1}", "each_user.request: unknown key; known: concurrency, requests_per_minute"),
        ("each_user: {concurrency: 1}", "requests_per_minute: missing, expected a whole number of at least 1, since"),
    ],
)
def test_a_broken_key_is_named(tmp_path: Path, entry: str, message: str) -> None:
    told = refusal(written(tmp_path, f"keys: {{app: {{hash: {HASH}, {entry}}}}}"))
    assert told.startswith(f"keys.app.{message}")


def test_a_policy_that_is_not_there_is_named_with_its_key() -> None:
    keys = Keys({b"1": Key("app", ("strict", "strikt"))}, "k.yaml")
    assert check_policies(keys, ["strict", "strikt"]) is keys
    with pytest.raises(FileError, match=r"^k.yaml: keys.app.policies: 'strikt': unknown policy, did you mean 'strict'"):
        check_policies(keys, ["strict", "default"])


# Values of each place that fit and values that do not, so that both ends are met often.
COUNTS = st.none() | st.integers(-1, 9) | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "b/c", "a b", "", "usk-x"]) | st.text(max_size=5)
QUOTAS = st.dictionaries(st.sampled_from([*Quota.model_fields, "other"]), COUNTS)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "hash": st.sampled_from([HASH, OTHER, "e" * 64, "short"]),
        "policies": st.lists(NAMES, max_size=2) | st.text(max_size=3),
        "rights": st.lists(st.sampled_from([*RIGHTS, "other"]), max_size=2) | st.none(),
        "each_user": QUOTAS | st.integers(),
        "requests_per_minute": COUNTS,
        "concurrency": COUNTS,
    },
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)
FILES: st.SearchStrategy[Any] = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(NAMES, ENTRIES, max_size=3).map(lambda entries: json.dumps({"keys": entries}).encode()),
    st.dictionaries(NAMES, VALUES, max_size=3).map(lambda entries: json.dumps({"keys": entries}).encode()),
)


@given(FILES)
@examples(150)
def test_whatever_a_file_holds_is_a_valid_set_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp(), content)
    try:
        keys = load(path)
    except FileError as error:
        told = str(error)
        assert told.startswith(f"{path}: ") and "\n" not in told and HASH not in told and len(told) < 600
        return
    names = [key.name for key in keys]
    assert len(set(names)) == len(names) and all(names)
    assert all(key.rights <= set(RIGHTS) and len(known) == 32 for known, key in keys.by_digest.items())
