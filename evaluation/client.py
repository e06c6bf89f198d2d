"""The server under evaluation, through OpenAI's own client: what it is, and its completions.

1. What may be temporary (no connection, 408, 409, 429, 5xx) is retried by the client, after the time that the server
   names (up to two minutes) or a growing one.
2. What is not temporary ends the run with a line that says what to do. Seconds are those of the attempt that succeeded.
"""

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from openai import APIConnectionError, APIStatusError, AsyncOpenAI

from evaluation.errors import EvaluationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choice:
    """One sample of an answer."""

    text: str
    finish_reason: str | None
    report: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer: its samples in order, their released tokens together, and the seconds it took."""

    choices: tuple[Choice, ...]
    tokens: int
    seconds: float


class Server:
    """An OpenAI-compatible server: a context manager that holds connections while entered."""

    def __init__(
        self, base_url: str, *, key: str | None = None, timeout_seconds: float = 600.0, retries: int = 5
    ) -> None:
        """Prepare a client. EvaluationError if `base_url` is no address."""
        if not is_address(base_url):
            raise EvaluationError(f"--base-url {base_url}: expected one like http://localhost:8000/v1")
        # Without a key the client would take the environment's, which is meant for another server.
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=key or "none", timeout=timeout_seconds, max_retries=retries
        )

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def first_model(self) -> str:
        """Return the name of the first model that it serves."""
        found: Any = await self._answer(self._client.get("/models", cast_to=object), "a question for its models")
        try:
            return str(found["data"][0]["id"])
        except (LookupError, TypeError):
            raise EvaluationError(
                f"--base-url: {self._client.base_url} names no model; give one with --model"
            ) from None

    async def policies(self) -> dict[str, Any] | None:
        """Return its policies, None if it is not unsay's."""
        asked = self._client.get("/detox/policies", cast_to=object)
        found = await self._answer_if_known(asked, "a question for its policies")
        return found if isinstance(found, dict) else None

    async def gate_scores(self, texts: Sequence[str]) -> list[dict[str, float]] | None:
        """Return what its own scorer says of texts, None if it does not tell."""
        asked = self._client.post("/moderations", body={"input": list(texts)}, cast_to=object)
        found: Any = await self._answer_if_known(asked, "a question for its scores")
        try:
            return [dict(result["category_scores"]) for result in found["results"]]
        except (ValueError, LookupError, TypeError):
            return None

    async def complete(self, body: Mapping[str, Any], what: str) -> Completion:
        """Send `POST /completions`; `what` names the request in errors."""
        create = self._client.completions.with_raw_response.create
        answer = await self._answer(create(model=body["model"], prompt=body["prompt"], extra_body=dict(body)), what)
        try:
            found = json.loads(answer.text)
            choices = sorted(found["choices"], key=lambda choice: int(choice["index"]))
            samples = tuple(Choice(entry["text"], entry["finish_reason"], entry.get("detox")) for entry in choices)
            tokens = int(found["usage"]["completion_tokens"])
        except (LookupError, TypeError, ValueError):
            raise EvaluationError(f"--base-url: {answer.url} does not answer as OpenAI's completions do") from None
        return Completion(samples, tokens, answer.elapsed.total_seconds())

    async def _answer(self, asked: Awaitable[T], what: str) -> T:
        """Return what a request comes to in the end; EvaluationError if it is no answer."""
        try:
            return await asked
        except APIConnectionError as error:
            raise EvaluationError(_unreachable(error, self._client.max_retries + 1)) from None
        except APIStatusError as error:
            raise _Refused(error, what) from None
        except ValueError:
            raise EvaluationError(f"--base-url: {self._client.base_url} does not answer {what} in JSON") from None

    async def _answer_if_known(self, asked: Awaitable[T], what: str) -> T | None:
        """Return the same, or None if the server does not know the request. One that is not ready may know it later."""
        try:
            return await self._answer(asked, what)
        except _Refused as refused:
            if _may_pass(refused.status):
                raise
            return None


class _Refused(EvaluationError):
    """The server answered with an error."""

    def __init__(self, error: APIStatusError, what: str) -> None:
        self.status = error.status_code
        super().__init__(refusal(self.status, str(error.request.url), _detail(error), what))


def _may_pass(status: int) -> bool:
    """Return whether the same request may be answered later."""
    return status in (408, 409, 429) or status >= 500


def refusal(status: int, url: str, detail: str, what: str) -> str:
    """Return what a refused request means for the person who runs the evaluation."""
    said = f"{what}: {url} answered {status} ({detail})"
    if status == 403:
        return (
            f"{said}. Unguarded text needs the right to loosen: start the server with `unsay serve --allow-loosen`, "
            "give --api-key-file a key that has the right `loosen`, or leave the mode out of --modes"
        )
    if status == 401:
        return f"{said}. Give the server's key with --api-key-file"
    if status == 404:
        return f"{said}. Does --base-url end in /v1, and does the server know this --model?"
    if _may_pass(status):
        return f"{said}, more often than --retries allows. The same command goes on from here"
    return said


def is_address(url: str) -> bool:
    """Return whether a client can be given this as a base URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _unreachable(error: APIConnectionError, attempts: int) -> str:
    reason = type(error.__cause__ or error).__name__
    remedy = "is the server running? --retries and --timeout say how patient to be; the same command goes on from here"
    return f"--base-url: no answer from {error.request.url} in {attempts} attempts ({reason}); {remedy}"


def _detail(error: APIStatusError) -> str:
    """Return the server's own message, in a few words."""
    said = error.body.get("message") if isinstance(error.body, dict) else error.response.text
    return " ".join(str(said or "").split())[:300] or "no message"
