"""Reads the bytes of an answer in every way that a client could, and says what is wrong with it.

It knows nothing of the server: fields that it has never seen are read like all others. Strings of one field are joined
over a stream, ids are decoded with special tokens and without, and an alternative is read alone and as the end of the
word that it would have ended.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz import FLAGGED, flagged_in
from tests.fuzz.arena import Answer
from tests.fuzz.case import Case
from tests.live.wire import JSON

INCOMPLETE = "\ufffd"
WORDS = tuple(word for word in FLAGGED if " " not in word)
ALTERNATIVES = ("top_logprobs", "prompt_logprobs")
ENDS = {"response.completed", "response.incomplete", "response.failed", "message_stop"}
TRACE = ": detox "
TOKEN_ID = re.compile(r"token_id:(\d+)")


@dataclass
class Strands:
    """What an answer says, by choice and field: texts to be joined, ids to be decoded, alternatives by position."""

    texts: dict[tuple[Any, ...], list[str]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[tuple[Any, ...], list[int]] = field(default_factory=lambda: defaultdict(list))
    alternatives: list[tuple[str | None, str]] = field(default_factory=list)
    """What was drawn before, of this choice, and a text that might have come instead; None for one of the prompt's."""
    drawn: dict[Any, str] = field(default_factory=lambda: defaultdict(str))


def events(answer: Answer) -> list[Any]:
    """The JSON objects of an answer. ValueError if one of them is none."""
    if b"text/event-stream" not in answer.head:
        return [json.loads(answer.body)] if answer.body.strip() else []
    lines = (line for line in answer.body.decode().split("\n") if line.startswith("data: "))
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def traced(answer: Answer) -> list[Any]:
    """The events of the guard in a stream: comments. ValueError if one of them is no JSON."""
    lines = (line for line in answer.body.decode().split("\n") if line.startswith(TRACE))
    return [json.loads(line.removeprefix(TRACE)) for line in lines]


def wrongs(case: Case, answer: Answer, tokenizer: Any) -> Iterator[str]:
    """What is wrong with the answer: leaks first, each with the field that shows it."""
    try:
        said, told = events(answer), traced(answer)
    except ValueError as error:
        yield f"error: not JSON: {error}"
        return
    yield from _leaks(case, [*said, *told], answer, tokenizer)
    if answer.trouble:
        yield f"error: {answer.trouble}"
    if case.leaves_after is None:
        yield from _faults(case, said, answer)
        yield from _untold(case, said, told)
        yield from _unlike(case, said, answer, tokenizer)


def _leaks(case: Case, said: list[Any], answer: Answer, tokenizer: Any) -> Iterator[str]:
    strands = read(said, tokenizer)
    for key, texts in strands.texts.items():
        joined = "".join(texts)
        yield from _leak(key, case.prompt + joined if key[-1] in ("text", "tokens") else joined)
    for key, ids in strands.ids.items():
        for skipping in (True, False):
            decoded = tokenizer.decode(ids, skip_special_tokens=skipping)
            yield from _leak((*key, "decoded"), case.prompt + decoded if key[-1] == "token_ids" else decoded)
    for before, text in strands.alternatives:
        word = "" if before is None else re.split(r"\s", case.prompt + before)[-1]
        for shown in (text, word + text):
            if any(flagged in shown.casefold() for flagged in WORDS):
                yield f"leak: alternative {shown!r}"
    if flagged_in(answer.body.decode("utf-8", "replace")):
        yield "leak: in the raw bytes"


def read(said: list[Any], tokenizer: Any) -> Strands:
    """All that the events of an answer say."""
    strands = Strands()
    for event in said:
        if isinstance(event, dict):
            _read(event, strands, tokenizer)
    return strands


def _leak(key: tuple[Any, ...], text: str) -> Iterator[str]:
    if found := flagged_in(text):
        yield f"leak: {'.'.join(map(str, key))} shows {found!r}"


def _read(event: JSON, strands: Strands, tokenizer: Any) -> None:
    choices = event.get("choices")
    if not isinstance(choices, list):
        _walk(event, (event.get("type"), event.get("output_index")), strands, tokenizer)
        return
    for choice in choices:
        index = choice.get("index")
        _walk({key: value for key, value in choice.items() if key != "prompt_token_ids"}, (index,), strands, tokenizer)
    _walk(
        {key: value for key, value in event.items() if key not in ("choices", "prompt_token_ids")},
        (),
        strands,
        tokenizer,
    )


def _walk(node: Any, key: tuple[Any, ...], strands: Strands, tokenizer: Any) -> None:
    if isinstance(node, dict):
        if "token" in node and "top_logprobs" in node:  # one position of a chat's logprobs
            _position(node, key, strands, tokenizer)
        elif {"tokens", "top_logprobs"} <= set(node):  # all positions of a completion's
            _positions(node, key, strands, tokenizer)
        else:
            for name, value in node.items():
                if name not in ALTERNATIVES:
                    _walk(value, (*key, name), strands, tokenizer)
                else:
                    strands.alternatives += [(None, text) for text in _names(value, tokenizer)]
    elif isinstance(node, list):
        if key[-1] == "token_ids":
            strands.ids[key] += node
        else:
            for value in node:
                _walk(value, key, strands, tokenizer)
    elif isinstance(node, str):
        strands.texts[key].append(_spelled(node, tokenizer))


def _position(node: JSON, key: tuple[Any, ...], strands: Strands, tokenizer: Any) -> None:
    token = _spelled(node["token"], tokenizer)
    strands.alternatives += [
        (strands.drawn[key], _spelled(other["token"], tokenizer))
        for other in node["top_logprobs"] or ()
        if other["token"] != node["token"]
    ]
    strands.drawn[key] += token
    strands.texts[(*key, "tokens")].append(token)


def _positions(node: JSON, key: tuple[Any, ...], strands: Strands, tokenizer: Any) -> None:
    for token, others in zip(node["tokens"], node["top_logprobs"] or [None] * len(node["tokens"]), strict=True):
        strands.alternatives += [
            (strands.drawn[key], _spelled(other, tokenizer)) for other in others or () if other != token
        ]
        strands.drawn[key] += _spelled(token, tokenizer)
        strands.texts[(*key, "tokens")].append(_spelled(token, tokenizer))


def _names(node: Any, tokenizer: Any) -> Iterator[str]:
    """Every text, and every token id that is a key, among alternatives of a prompt."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield tokenizer.decode([int(name)]) if name.isdigit() else _spelled(name, tokenizer)
            yield from _names(value, tokenizer)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value, tokenizer)
    elif isinstance(node, str):
        yield _spelled(node, tokenizer)


def _spelled(text: str, tokenizer: Any) -> str:
    found = TOKEN_ID.fullmatch(text)
    return str(tokenizer.decode([int(found[1])])) if found else text


def _faults(case: Case, said: list[Any], answer: Answer) -> Iterator[str]:
    """Everything but a leak: errors, and ends that are missing or doubled."""
    crashes = case.scorer == "crashing"
    if answer.status == 0 or (answer.status >= 500 and not (crashes and answer.status == 503)):
        yield f"error: status {answer.status}: {answer.body[:200]!r}"
    if answer.status != 200:
        return
    if case.traced and crashes and _failed(said):
        return  # the stream had begun, and its error is what would have been a 503
    for event in said:
        if _failed([event]):
            yield f"error: in an answer: {str(event)[:200]}"
    if case.route in ("completions", "chat", "generate"):
        yield from _ends_of_choices(case, said, answer)
    elif case.streams and said and said[-1].get("type") not in ENDS:
        yield f"error: the stream ends with {said[-1].get('type')}"


def _failed(said: list[Any]) -> bool:
    return any(isinstance(event, dict) and (event.get("error") or event.get("type") == "error") for event in said)


def _untold(case: Case, said: list[Any], told: list[Any]) -> Iterator[str]:
    """Whether a trace tells less than it should, or anything at all to who has not asked for it."""
    ends = sorted(event["choice"] for event in told if event["event"] == "end")
    reasons = [choice for event in said for choice in event.get("choices", ()) if choice.get("finish_reason")]
    if ends != (sorted(choice["index"] for choice in reasons) if case.traced else []) or (told and not case.traced):
        yield f"error: the trace ends the choices {ends}"


def _unlike(case: Case, said: list[Any], answer: Answer, tokenizer: Any) -> Iterator[str]:
    """Whether a text is something else than the beginning of what its token ids spell: doubled, or with a gap."""
    plain = (
        not {"tools", "reasoning", "skip_special_tokens", "echo"} & case.features and "return_token_ids" in case.body
    )
    if answer.status != 200 or not plain:
        return
    texts: dict[int, str] = defaultdict(str)
    ids: dict[int, list[int]] = defaultdict(list)
    for event in said:
        for choice in event.get("choices", ()):
            part = choice.get("delta") or choice.get("message") or choice
            texts[choice["index"]] += part.get("content") or part.get("text") or ""
            ids[choice["index"]] += choice.get("token_ids") or ()
    for index, text in texts.items():
        spelled = tokenizer.decode(ids[index], skip_special_tokens=True)
        if not spelled.replace(INCOMPLETE, "").startswith(text.replace(INCOMPLETE, "")):
            yield f"error: choice {index} says {text!r}, its ids {spelled!r}"


def _ends_of_choices(case: Case, said: list[Any], answer: Answer) -> Iterator[str]:
    reasons: dict[int, list[str]] = {index: [] for index in range(case.choices)}
    for event in said:
        for choice in event.get("choices", ()):
            if choice.get("finish_reason"):
                reasons.setdefault(choice["index"], []).append(choice["finish_reason"])
    if any(len(found) != 1 for found in reasons.values()):
        yield f"error: finish reasons {reasons}"
    if case.streams and case.route != "generate" and answer.body.count(b"data: [DONE]") != 1:
        yield "error: the stream does not end once"
