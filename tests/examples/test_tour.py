"""The parts of the tour that need no server with a model; tests/journeys has servers."""

import gzip
import json
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI

from examples import tour


def test_prompts_are_texts_or_objects_with_a_text_zipped_or_not(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"prompt": prompt}) + "\n" for prompt in ("One", {"text": "Two"}))
    (tmp_path / "plain.jsonl").write_text(lines)
    (tmp_path / "zipped.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    for name in ("plain.jsonl", "zipped.jsonl.gz"):
        assert list(tour.prompts(tmp_path / name)) == ["One", "Two"]
    assert tuple(tour.prompts(None)) == tour.PROMPTS


def test_what_may_not_be_loosened_is_told_and_of_a_text_the_beginning_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)["detox"]
        if asked.get("mode") == "off":
            return httpx2.Response(403, json={"error": {"message": "looser"}})
        choice = {"index": 0, "finish_reason": "length", "text": "a" * 99, "detox": {"rewinds": 2, "asked": asked}}
        return httpx2.Response(200, json={"id": "1", "object": "text_completion", "choices": [choice]})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with OpenAI(base_url="http://x/v1", api_key="none", http_client=http) as client:
        tour.own_policy(client, "mini")
    printed = capsys.readouterr().out
    assert f"tightened: {'a' * 60!r}" in printed and '"max_rewinds": 8' in printed
    assert "loosened: 403 {'message': 'looser'}" in printed
