"""How much each key has asked for: counted by the library `limits`, in memory or in Redis.

1. A minute begins with a key's first request in it (a fixed window), for its requests and for its tokens.
2. Tokens are counted when an answer has ended, those of its prompt and those that were released, however it ended: a
   key that has any left is let in, and may so have more than its minute holds. What is over is forgotten with it.
3. A request that is refused for its tokens or for those under way counts as no request.
4. Requests under way are counted within this server, also where Redis counts the rest: a slot is taken before anything
   is waited for, and given back however the request ends, once.
5. Of a user no more is kept than a hash.
6. A clock that is set back makes no minute longer: what was counted before is forgotten.
7. Where the counts cannot be had, nothing is let in (503): whatever has no limit is not asked about.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, get_args

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from server.errors import RateLimited, StartError, TokensLimited, Unavailable
from server.hashing import hashed
from server.keys.key import Key, Quota
from server.telemetry import logs

Limit = Literal["requests", "tokens", "concurrency"]
LIMITS: tuple[Limit, ...] = get_args(Limit)

MEMORY = "memory://"
STORAGE_SECONDS = 2.0
"""For one answer of Redis."""
RETRY_AFTER_SECONDS = 2.0
"""Where nobody knows when there will be room again."""
_LONGEST_SECONDS = 61.0
"""A minute that has longer to go was counted before the clock was set back."""
_NAMESPACE = "unsay"

Bucket = tuple[str, ...]
"""The name of a key, and then perhaps the hash of one of its users."""

log = logs.logger("keys")


class QuotaObserver(Protocol):
    """Is told of requests that were refused."""

    def request_limited(self, key: str, limit: Limit) -> None:
        """Count a request that was over a limit of its key, or of one of the key's users."""

    def limits_failed(self) -> None:
        """Count a time that a limit could not be looked up or counted."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a limit, and in how many seconds all of it is there again."""

    limit: int
    remaining: int
    seconds: int


def storage_at(url: str) -> Storage:
    """Return where counts are kept: `memory://`, or Redis by its URL. StartError, without the URL, if it cannot be."""
    scheme, options = url.partition("://")[0], dict[str, Any]()
    if scheme in ("redis", "rediss"):
        options = {"implementation": "redispy", "socket_timeout": STORAGE_SECONDS, "key_prefix": _NAMESPACE}
    elif url != MEMORY:
        raise StartError(f"rate_limits_url: expected {MEMORY} or redis://HOST:PORT/DB (rediss:// for TLS)")
    try:
        storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **options)
    except ConfigurationError:
        raise StartError("rate_limits_url: Redis needs its client; `pip install 'unsay[redis]'`") from None
    except (ValueError, OSError):
        raise StartError("rate_limits_url: not a URL of Redis; expected redis://HOST:PORT/DB") from None
    assert isinstance(storage, Storage)
    return storage


class Quotas:
    """What all keys have asked for."""

    def __init__(self, storage: Storage, observer: QuotaObserver) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._observer = observer
        self._under_way = Counter[Bucket]()
        self._down = False
        self._charging = set[asyncio.Task[None]]()

    def share(self, key: Key) -> "Share":
        """Return what one request will take of its key's limits."""
        return Share(self, key)

    def under_way(self, bucket: Bucket) -> int:
        """Return how many requests of a bucket are under way."""
        return self._under_way[bucket]

    def begin(self, bucket: Bucket, quota: Quota) -> None:
        """Take a slot. RateLimited if there is none."""
        if quota.concurrency is not None and self._under_way[bucket] >= quota.concurrency:
            raise self._refusal(bucket, "concurrency", quota.concurrency, RETRY_AFTER_SECONDS)
        self._under_way[bucket] += 1

    def end(self, bucket: Bucket) -> None:
        """Give a slot back."""
        self._under_way[bucket] -= 1
        if not self._under_way[bucket]:
            del self._under_way[bucket]

    async def admit(self, bucket: Bucket, quota: Quota, note: Callable[[Limit, Left], None]) -> None:
        """Count one request, if it fits; `note` is told what is left.

        RateLimited if it does not fit, Unavailable if nobody knows.
        """
        asked: tuple[tuple[Limit, int | None], ...]
        asked = (("tokens", quota.tokens_per_minute), ("requests", quota.requests_per_minute))
        for limit, amount in asked:
            if amount is None:
                continue
            fits, left = await self._look(bucket, limit, amount)
            note(limit, left)
            if not fits:
                raise self._refusal(bucket, limit, amount, max(1, left.seconds))

    async def _look(self, bucket: Bucket, limit: Limit, amount: int) -> tuple[bool, Left]:
        item, names = _item(amount), (*bucket, limit)
        count = self._limiter.hit if limit == "requests" else self._limiter.test
        try:
            async with asyncio.timeout(STORAGE_SECONDS):
                fits = await count(item, *names)
                stats = await self._limiter.get_window_stats(item, *names)
                if stats.reset_time - time.time() > _LONGEST_SECONDS:
                    await self._limiter.clear(item, *names)
                    fits = await count(item, *names)
                    stats = await self._limiter.get_window_stats(item, *names)
        except (StorageError, TimeoutError):
            self._lost()
            raise Unavailable("the limits of this key cannot be looked up; try again", RETRY_AFTER_SECONDS) from None
        self._found()
        return fits, Left(amount, stats.remaining, min(60, max(0, math.ceil(stats.reset_time - time.time()))))

    def _refusal(self, bucket: Bucket, limit: Limit, amount: int, seconds: float) -> RateLimited:
        self._observer.request_limited(bucket[0], limit)
        whose = f"key '{bucket[0]}'" + (" for one user" if len(bucket) > 1 else "")
        what = "requests at once" if limit == "concurrency" else f"{limit} a minute"
        kind = TokensLimited if limit == "tokens" else RateLimited
        return kind(f"rate limit of {whose} reached: {amount} {what}; try again in {math.ceil(seconds)} s", seconds)

    def charge(self, bucket: Bucket, quota: Quota, tokens: int) -> None:
        """Count tokens, soon."""
        if quota.tokens_per_minute is not None and tokens:
            task = asyncio.create_task(self._charge(bucket, quota.tokens_per_minute, tokens))
            task.add_done_callback(self._charging.discard)
            self._charging.add(task)

    async def _charge(self, bucket: Bucket, amount: int, tokens: int) -> None:
        try:
            async with asyncio.timeout(STORAGE_SECONDS):
                await self._limiter.hit(_item(amount), *bucket, "tokens", cost=tokens)
        except (StorageError, TimeoutError):
            self._lost()

    def _lost(self) -> None:
        self._observer.limits_failed()
        if not self._down:
            self._down = True
            log.error("the limits of keys cannot be looked up, and their requests are refused: is Redis up?")

    def _found(self) -> None:
        if self._down:
            self._down = False
            log.info("the limits of keys can be looked up again")

    async def aclose(self) -> None:
        """Wait until all is counted."""
        await asyncio.gather(*self._charging)


class Share:
    """What one request takes of its key's limits, from its admission to its end (`with`, or `keep` and `end`)."""

    def __init__(self, quotas: Quotas, key: Key) -> None:
        self.key = key
        self.tokens = 0
        self._quotas = quotas
        self._buckets: dict[Bucket, Quota] = {}
        self._left: dict[Limit, Left] = {}
        self._kept = False

    async def enter(self) -> None:
        """Ask to be let in by the limits of the key. RateLimited or Unavailable if that is not to be."""
        await self._enter((self.key.name,), self.key.quota)

    async def enter_for(self, user: object) -> None:
        """Ask to be let in by the limits that hold for each user of the key, if the request names one."""
        if isinstance(user, str) and user:
            named = hashed(user)
            await self._enter((self.key.name, named), self.key.each_user)

    async def _enter(self, bucket: Bucket, quota: Quota) -> None:
        if not quota.bounds:
            return
        self._quotas.begin(bucket, quota)
        self._buckets[bucket] = quota
        await self._quotas.admit(bucket, quota, self._note)

    def _note(self, limit: Limit, left: Left) -> None:
        self._left[limit] = min(self._left.get(limit, left), left, key=lambda each: each.remaining)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what the head of the answer says of what is left, in OpenAI's words."""
        said: dict[str, object] = {}
        for limit, left in self._left.items():
            said[f"limit-{limit}"] = left.limit
            said[f"remaining-{limit}"] = left.remaining
            said[f"reset-{limit}"] = f"{left.seconds}s"
        return [(f"x-ratelimit-{name}".encode(), str(value).encode()) for name, value in said.items()]

    def __enter__(self) -> "Share":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self.end()

    def keep(self) -> None:
        """Leave the end to whoever calls `end`: the work goes on in the background."""
        self._kept = True

    def end(self) -> None:
        """Give back what was taken, and count the `tokens`. Only the first call counts."""
        for bucket, quota in self._buckets.items():
            self._quotas.end(bucket)
            self._quotas.charge(bucket, quota, self.tokens)
        self._buckets = {}


def _item(amount: int) -> RateLimitItem:
    return RateLimitItemPerMinute(amount, namespace=_NAMESPACE)
