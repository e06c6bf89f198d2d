"""Which request is behind a response that is fetched later, and when that request is counted."""

import asyncio

import pytest

from server.api.stored import Keeping, Stored
from server.errors import BadRequest
from tests.api.requests import request
from tests.api.store import FakeStore

MINE = "/v1/responses/mine"


class Count:
    """How often it was called."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def keep(store: FakeStore, chosen: object = None) -> tuple[Stored, Keeping]:
    stored = Stored(store)
    return stored, stored.keeping(request(), {}, chosen)


@pytest.mark.parametrize("path", [MINE, "/base/v1/responses/mine", f"{MINE}/cancel"])
def test_a_request_is_found_by_the_path_of_its_response(path: str) -> None:
    stored, keeping = keep(FakeStore("mine"))
    keeping.begin()
    assert stored.behind(path) is not None


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/", "/v1/responses/other", "/v1/completions/mine"])
def test_other_paths_have_none(path: str) -> None:
    stored, keeping = keep(FakeStore("mine"))
    keeping.begin()
    assert stored.behind(path) is None


def test_a_chosen_id_is_known_before_anything_is_said_and_an_own_one_before_the_head() -> None:
    stored, _ = keep(FakeStore(None), "mine")
    assert stored.behind(MINE) is not None
    stored, keeping = keep(FakeStore("mine"))
    assert stored.behind(MINE) is None
    keeping.begin()
    assert stored.behind(MINE) is not None


def test_an_id_belongs_to_one_request() -> None:
    stored, _ = keep(FakeStore("mine"), "mine")
    first = stored.behind(MINE)
    with pytest.raises(BadRequest, match="request_id"):
        stored.keeping(request(), {}, "mine")
    assert stored.behind(MINE) is first


@pytest.mark.parametrize("chosen", [None, 3, ["mine"]])
def test_what_is_no_id_is_left_to_vllm(chosen: object) -> None:
    stored, _ = keep(FakeStore(None), chosen)
    assert stored.behind(MINE) is None


@pytest.mark.parametrize("name", [None, "mine"], ids=["refused by vLLM", "answered"])
def test_what_is_not_held_is_forgotten_and_its_id_is_free(name: str | None) -> None:
    stored, keeping = keep(FakeStore(name), "mine")
    count = Count()
    keeping.end(count)
    assert stored.behind(MINE) is None and count.times == 1
    stored.keeping(request(), {}, "mine")


def test_what_is_held_stays_after_its_answer() -> None:
    stored, keeping = keep(FakeStore("mine", held=["mine"]))
    count = Count()
    keeping.begin()
    keeping.end(count)
    assert stored.behind(MINE) is not None and count.times == 1


@pytest.mark.parametrize("begun", [True, False], ids=["answered", "left before the head"])
@pytest.mark.parametrize("early", [True, False], ids=["work ends first", "answer ends first"])
async def test_work_in_the_background_is_closed_and_counted_once_at_its_end(begun: bool, early: bool) -> None:
    store, count = FakeStore("mine", held=["mine"]), Count()
    stored, keeping = keep(store)
    store.works["mine"] = work = asyncio.get_running_loop().create_future()
    if begun:
        keeping.begin()
        keeping.begin()
    if early:
        work.set_result(None)
        await asyncio.sleep(0)
        assert store.closed == (["mine"] if begun else [])
    keeping.end(count)
    assert count.times == 0
    if not early:
        work.set_exception(KeyError("x"))
    await asyncio.sleep(0)
    assert (count.times, store.closed) == (1, ["mine"]) and stored.behind(MINE) is not None
    work.exception()


def test_work_that_was_over_before_the_head_is_closed_there() -> None:
    store, count = FakeStore("mine", held=["mine"]), Count()
    _, keeping = keep(store)
    keeping.begin()
    assert store.closed == ["mine"]
    keeping.end(count)
    assert (count.times, store.closed) == (1, ["mine"])
