"""A scorer in another process: any detector that speaks the detectors API (detections.py), `unsay scorer` among them.

The rules:
1. Anything but a sound answer in time is no score (`ScorerUnavailable`): another status than 200, a redirect too,
   another shape, a number out of 0..1, too many bytes. The log says which; neither it nor the error holds any text.
2. Each request has the gate's deadline and ends by then, whatever the other side does.
3. A detector is asked for everything it has (`"threshold": 0`). One that reports only from its own threshold on says 0
   below it: lower thresholds have no effect.
4. `unsay scorer` says in `/health` which categories it has and which languages it reads. It is told the thresholds
   (`least`) that scores will be held against, so that its screen and its rough pass clear what they can, unless the
   operator gives its categories other names. Other detectors never see the word.
5. Proxies of the environment are not used: passages go to the address that was named, and nowhere else.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence

import httpx

from filters.category import Category
from filters.scorer import Reason, ScorerLoadError, ScorerUnavailable, Scores, ThresholdValues
from filters.scorers.address import Address
from filters.scorers.detections import HEADER, PATH, Misread, mapping, read
from filters.scorers.detoxify import encodable
from filters.scorers.health import Health

_log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024 * 1024
_MOST_HEALTH_BYTES = 64 * 1024
_HEALTH_SECONDS = 2.0
_KEEP_SECONDS = 4.0
"""Idle connections are closed before the other side would (uvicorn: after 5 s) while a request is on its way."""
_STATUS_REASONS: dict[int, Reason] = {408: "deadline", 504: "deadline", 429: "overloaded", 503: "overloaded"}
_HARMLESS = "A first text."
_REMEDY = "is it running, and is the address right? (`unsay scorer` serves one)"


class _Failed(Exception):
    """There is no sound answer: why, for metrics and for the log."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(what)
        self.reason: Reason = reason
        self.what = what


class RemoteScorer:
    """Asks the detector at an address. `clock` in seconds."""

    def __init__(
        self,
        address: Address,
        *,
        deadline_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._seconds = deadline_seconds
        self._clock = clock
        self._http = httpx.Client(
            headers={HEADER: address.detector_id, "Accept-Encoding": "identity"},
            timeout=deadline_seconds,
            limits=httpx.Limits(keepalive_expiry=_KEEP_SECONDS),
            trust_env=False,
            transport=transport or _transport(address),
        )
        self._types = address.types
        self._takes_thresholds = False
        self._health = Health(self._is_well)
        self.languages: frozenset[str] | None = None
        self.name = address.name

    @classmethod
    def load(
        cls, url: str, *, deadline_seconds: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> "RemoteScorer":
        """Return the detector at `url` after asking for its health and for scores. ScorerLoadError if it has none."""
        scorer = cls(Address.read(url), deadline_seconds=deadline_seconds, transport=transport)
        try:
            scorer._meet()
            scorer._ask([_HARMLESS], ())
        except _Failed as failure:
            scorer.close()
            raise ScorerLoadError(f"remote:{scorer._address.where}", f"{failure.what}; {_REMEDY}") from None
        return scorer

    @property
    def categories(self) -> tuple[Category, ...]:
        """Those that its types are mapped to."""
        return self._types.categories

    def score(self, texts: Sequence[str]) -> list[Scores]:
        """Return the detector's scores of each text, in order. ScorerUnavailable with the reason if it gives none."""
        return self.bounds(texts, ())

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        """As `score`, or upper bounds where they are below `thresholds`, if the detector knows how (rule 4)."""
        try:
            return self._ask(texts, thresholds) if texts else []
        except _Failed as failure:
            _log.warning("scorer %s: %s", self.name, failure.what)
            raise ScorerUnavailable(failure.reason) from None

    def ready(self) -> bool:
        """Return whether it was well when it was last asked, a second ago or so."""
        return self._health.good()

    def close(self) -> None:
        """Close its connections; it scores nothing afterwards."""
        self._http.close()

    def _ask(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        params = dict(self._address.params)
        if self._takes_thresholds and any(thresholds):
            params["least"] = [dict(each) for each in thresholds]
        body = json.dumps({"contents": [encodable(text) for text in texts], "detector_params": params})
        headers = {"Content-Type": "application/json"}
        request = self._http.build_request("POST", self._address.base + PATH, content=body.encode(), headers=headers)
        try:
            return read(self._answer(request, self._seconds, MOST_BYTES), len(texts), self._types)
        except Misread as error:
            raise _Failed("error", f"answers otherwise than the detectors API: {error}") from None

    def _answer(self, request: httpx.Request, seconds: float, most_bytes: int) -> bytes:
        """Return the body of a good answer."""
        until = self._clock() + seconds
        try:
            answer = self._http.send(request, stream=True)
            try:
                if answer.status_code != 200:
                    reason = _STATUS_REASONS.get(answer.status_code, "error")
                    raise _Failed(reason, f"{request.method} {request.url.path} answered {answer.status_code}")
                return self._body(answer, until, most_bytes)
            finally:
                answer.close()
        except httpx.TimeoutException:
            raise _Failed("deadline", "no answer in time") from None
        except httpx.HTTPError as error:
            raise _Failed("error", f"no answer ({type(error).__name__})") from None

    def _body(self, answer: httpx.Response, until: float, most_bytes: int) -> bytes:
        """Read it as it comes in, so that one that trickles or never ends is given up in time. It is not encoded."""
        body = bytearray()
        for part in answer.iter_raw():
            body += part
            if len(body) > most_bytes:
                raise _Failed("error", f"answered with more than {most_bytes} bytes")
            if self._clock() > until:
                raise _Failed("deadline", "no answer in time")
        return bytes(body)

    def _meet(self) -> None:
        """Ask for its health, and for its categories and languages if it is `unsay scorer`."""
        try:
            about = json.loads(self._healthy())
        except (ValueError, RecursionError):
            return
        match about:
            case {"scorer": str(name), "categories": [str(), *_] as categories}:
                self.name = self._address.named(name)
                self.languages = _codes(about.get("languages"))
                if not self._address.is_mapped:  # under other names its thresholds would mean nothing to it
                    self._takes_thresholds = True
                    self._types = mapping({str(category): str(category) for category in categories})
            case _:  # another detector: its health is described in its own words
                pass

    def _healthy(self) -> bytes:
        seconds = min(_HEALTH_SECONDS, self._seconds)
        request = self._http.build_request("GET", f"{self._address.base}/health", timeout=seconds)
        return self._answer(request, seconds, _MOST_HEALTH_BYTES)

    def _is_well(self) -> bool:
        self._healthy()
        return True


def _transport(address: Address) -> httpx.BaseTransport | None:
    """Return what leads to a socket of this machine; None for the usual way."""
    limits = httpx.Limits(keepalive_expiry=_KEEP_SECONDS)
    return httpx.HTTPTransport(uds=address.socket, limits=limits, trust_env=False) if address.socket else None


def _codes(said: object) -> frozenset[str] | None:
    """Return the languages that are named; None if none are."""
    return frozenset(map(str, said)) if isinstance(said, list) and said else None
