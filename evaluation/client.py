"""The server under evaluation, over HTTP: what it is, and its completions.

1. What may pass (no connection, 408, 409, 429, 5xx) is tried again, after the time that the server names or a growing
   one.
2. What will not pass ends the run with a line that says what to do. Seconds are those of the attempt that succeeded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from evaluation.errors import EvaluationError

RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})
LONGEST_WAIT_SECONDS = 30.0


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
    """An OpenAI-compatible server. A context: entered, it holds connections."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout_seconds: float = 600.0,
        retries: int = 5,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # No limit of connections: waiting for one would count as the server's time.
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout_seconds, limits=limits)
        self._retries, self._sleep = retries, sleep

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def first_model(self) -> str:
        """The name of the first model that it serves."""
        answer = await self._good("GET", "models", None, "a question for its models")
        try:
            return str(answer.json()["data"][0]["id"])
        except (ValueError, LookupError, TypeError):
            raise EvaluationError(f"--base-url: {answer.url} names no model; give one with --model") from None

    async def policies(self) -> dict[str, Any] | None:
        """Its policies, None if it is not unsay's."""
        answer = await self._answer("GET", "detox/policies", None)
        return _object(answer) if answer.status_code == 200 else None

    async def gate_scores(self, texts: Sequence[str]) -> list[dict[str, float]] | None:
        """What its own scorer says of texts, None if it does not tell."""
        answer = await self._answer("POST", "moderations", {"input": list(texts)})
        try:
            return [dict(result["category_scores"]) for result in answer.json()["results"]]
        except (ValueError, LookupError, TypeError):
            return None

    async def complete(self, body: Mapping[str, Any], what: str) -> Completion:
        """`POST /completions`; `what` names the request in errors."""
        answer = await self._good("POST", "completions", body, what)
        found = _object(answer)
        try:
            choices = sorted(found["choices"], key=lambda choice: int(choice["index"]))
            samples = tuple(Choice(entry["text"], entry["finish_reason"], entry.get("detox")) for entry in choices)
            tokens = int(found["usage"]["completion_tokens"])
        except (LookupError, TypeError, ValueError):
            raise EvaluationError(f"--base-url: {answer.url} does not answer as OpenAI's completions do") from None
        return Completion(samples, tokens, answer.elapsed.total_seconds())

    async def _good(self, method: str, path: str, body: Mapping[str, Any] | None, what: str) -> httpx.Response:
        """An answer with status 200; any other is an EvaluationError."""
        answer = await self._answer(method, path, body)
        if answer.status_code != 200:
            raise EvaluationError(refusal(answer.status_code, str(answer.url), _detail(answer), what))
        return answer

    async def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """The first answer that is final, or the last one that there was."""
        url = f"{self.base_url}/{path}"
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            wait = min(0.5 * 2**attempt, LONGEST_WAIT_SECONDS)
            try:
                answer = await self._http.request(method, url, json=body)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol):
                raise EvaluationError(
                    f"--base-url {self.base_url}: expected one like http://localhost:8000/v1"
                ) from None
            except httpx.TransportError as error:
                if last:
                    raise EvaluationError(_unreachable(url, attempt + 1, error)) from None
            else:
                if answer.status_code not in RETRIED or last:
                    return answer
                wait = min(_retry_after(answer, wait), LONGEST_WAIT_SECONDS)
            await self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def refusal(status: int, url: str, detail: str, what: str) -> str:
    """What a refused request means for the person who runs the evaluation."""
    said = f"{what}: {url} answered {status} ({detail})"
    if status == 403:
        return (
            f"{said}. Unguarded text needs the right to loosen: start the server with `unsay serve --allow-loosen`, "
            "give --api-key-file a key that its policy file lists under loosen_keys, or leave the mode out of --modes"
        )
    if status == 401:
        return f"{said}. Give the server's key with --api-key-file"
    if status == 404:
        return f"{said}. Does --base-url end in /v1, and does the server know this --model?"
    if status in RETRIED:
        return f"{said}, more often than --retries allows. The same command goes on from here"
    return said


def _unreachable(url: str, attempts: int, error: httpx.TransportError) -> str:
    reason = type(error).__name__
    remedy = "is the server running? --retries and --timeout say how patient to be; the same command goes on from here"
    return f"--base-url: no answer from {url} in {attempts} attempts ({reason}); {remedy}"


def _detail(answer: httpx.Response) -> str:
    """The server's own message, in a few words."""
    try:
        message = answer.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = answer.text
    return " ".join(str(message).split())[:300] or "no message"


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EvaluationError(f"--base-url: {answer.url} does not answer with a JSON object")
    return found


def _retry_after(answer: httpx.Response, otherwise: float) -> float:
    """The seconds that the answer asks to wait."""
    given = answer.headers.get("retry-after", "")
    return float(given) if given.isdigit() else otherwise
