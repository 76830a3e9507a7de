"""Rate limits by token buckets in Valkey, for ingestion (per key and address) and for readers of the API.

A bucket holds at most `burst` tokens and gains `per_second` of them. A request spends one token of each of
its buckets. A process leases a few tokens at a time, 1 % of a second's worth, and spends them locally, so
most requests need no round trip and the others need one.

In any period of t seconds, a bucket allows at most burst + rate * t requests, plus one lease per serving
thread. Tokens are deducted when they are leased, so more processes never raise the rate. Tokens that a
process leaves unspent when it ends are lost to the sender.

If Valkey is down, slow or full, all requests are allowed, and one request tries again after a second.
"""

import logging
import math
import time
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b, sha256
from threading import Lock
from typing import Any, NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
PREFIX = "tally:rate:"
TIMEOUT_SECONDS = 0.1
REST_SECONDS = 1.0  # after a failure of Valkey, until the next attempt
LEASES_A_SECOND = 100
MAX_LEASES = (
    10_000  # most buckets with leased tokens in a process, so that a flood of names can't fill memory
)

# For each bucket: refill by the server's clock, grant up to the wanted number, and return the granted and the
# remaining tokens. A bucket expires when it would be full, since a missing bucket counts as full.
_TAKE = """
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local answer = {}
for index, name in ipairs(KEYS) do
    local rate = tonumber(ARGV[3 * index - 2])
    local burst = tonumber(ARGV[3 * index - 1])
    local wanted = tonumber(ARGV[3 * index])
    local kept = redis.call('HMGET', name, 'tokens', 'at')
    local tokens = burst
    if kept[1] then
        tokens = math.min(burst, tonumber(kept[1]) + math.max(0, at - tonumber(kept[2])) * rate)
    end
    local granted = math.min(wanted, math.floor(tokens))
    tokens = tokens - granted
    redis.call('HSET', name, 'tokens', tokens, 'at', at)
    redis.call('PEXPIRE', name, math.ceil((burst - tokens) / rate * 1000) + 1)
    answer[2 * index - 1] = granted
    answer[2 * index] = tostring(tokens)
end
return answer
"""


class Limit(NamedTuple):
    """The rate and burst of a bucket."""

    per_second: float
    burst: int

    @property
    def lease(self) -> int:
        """The number of tokens that a process takes at once."""
        return max(1, int(min(self.per_second, self.burst) / LEASES_A_SECOND))


class Bucket(NamedTuple):
    """A bucket: its name in Valkey, its limit, and a description of its owner."""

    name: str
    limit: Limit
    whose: str


class _State:
    """The state of this process: leased tokens, and whether Valkey responds."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.tokens: dict[str, int] = {}
        self.failing = False
        self.rest_until = 0.0


_state = _State()


class Exhausted(NamedTuple):
    """An empty bucket, with its remaining fraction of a token."""

    bucket: Bucket
    tokens: float

    @property
    def wait(self) -> int:
        """Return the seconds until the bucket has a token again."""
        return max(1, math.ceil((1 - self.tokens) / self.bucket.limit.per_second))

    def headers(self) -> dict[str, str]:
        """Return the rate limit headers of a refusal."""
        rate, burst = self.bucket.limit
        return {
            "Retry-After": str(self.wait),
            "RateLimit-Limit": str(burst),
            "RateLimit-Remaining": str(max(0, math.floor(self.tokens))),
            "RateLimit-Reset": str(max(1, math.ceil((burst - self.tokens) / rate))),
        }

    def sentence(self) -> str:
        """Return the reason of a refusal."""
        rate = self.bucket.limit.per_second
        return f"More than {rate:,g} requests a second from {self.bucket.whose}; try again in {self.wait} s."


def spend(buckets: Sequence[Bucket]) -> Exhausted | None:
    """Spend a token of each bucket. If one is empty, return it and spend none."""
    with _state.lock:
        lacking = [bucket for bucket in buckets if _state.tokens.get(bucket.name, 0) < 1]
        if not lacking:
            _spend(buckets)
            return None
    taken = _take(lacking)
    if taken is None:
        return None
    with _state.lock:
        # If another thread spent tokens meanwhile, the bucket goes into debt instead of refusing.
        short = [
            Exhausted(bucket, left)
            for bucket, (granted, left) in zip(lacking, taken, strict=True)
            if not granted and _state.tokens.get(bucket.name, 0) < 1
        ]
        if not short:
            _spend(buckets)
            return None
    return short[0]


@cache
def policy(name: str, per_second: float, burst: int) -> str:
    """Return a limit in the form of the RateLimit-Policy header (an IETF draft, see decision 21)."""
    return f'"{name}";q={burst};w={max(1, math.ceil(burst / per_second))}'


def reset() -> None:
    """Drop all leased tokens, for tests."""
    global _state  # noqa: PLW0603
    _state = _State()
    _script.cache_clear()


def bucket_name(sort: str, text: str) -> str:
    """Return the name of a bucket. It reveals nothing about the address or key without the SECRET_KEY."""
    digest = blake2b(f"{sort}:{text}".encode("utf-8", "replace"), digest_size=16, key=_secret())
    return f"{PREFIX}{sort}:{digest.hexdigest()}"


@cache
def _secret() -> bytes:
    """Return the key for names: BLAKE2b accepts at most 64 bytes."""
    return sha256(settings.SECRET_KEY.encode()).digest()


def _spend(buckets: Sequence[Bucket]) -> None:
    for bucket in buckets:
        _state.tokens[bucket.name] = _state.tokens.get(bucket.name, 0) - 1


def _take(buckets: Sequence[Bucket]) -> list[tuple[int, float]] | None:
    """Lease tokens of each bucket.

    Returns the granted and the remaining tokens; None if Valkey doesn't respond.
    """
    now = time.monotonic()
    if now < _state.rest_until:
        return None
    if _state.failing:
        _state.rest_until = now + REST_SECONDS  # other requests don't wait while this one tries
    arguments = [part for _, limit, _ in buckets for part in (*limit, limit.lease)]
    try:
        answer = _script(settings.REDIS_URL, settings.VALKEY_SOCKET)(
            keys=[bucket.name for bucket in buckets], args=arguments
        )
    except (redis.RedisError, OSError) as error:
        _state.rest_until = time.monotonic() + REST_SECONDS
        if not _state.failing:
            log.warning("Valkey doesn't respond; rate limits are off until it does", exc_info=error)
        _state.failing = True
        return None
    if _state.failing:
        log.warning("Valkey responds again; rate limits are on")
        _state.failing, _state.rest_until = False, 0.0
    with _state.lock:
        if len(_state.tokens) >= MAX_LEASES:
            _state.tokens.clear()
        for bucket, granted in zip(buckets, answer[::2], strict=True):
            _state.tokens[bucket.name] = _state.tokens.get(bucket.name, 0) + granted
    return [(granted, float(left)) for granted, left in zip(answer[::2], answer[1::2], strict=True)]


@cache
def _script(url: str, socket: Any) -> Any:
    """Return the script on the process's client.

    It runs by EVALSHA and is loaded if the server doesn't know it.
    """
    waits: dict[str, Any] = {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        # By default, redis-py retries for seconds.
        "retry": Retry(NoBackoff(), 0),
    }
    client = redis.Redis.from_url(url, **waits) if url else redis.Redis(unix_socket_path=str(socket), **waits)
    return client.register_script(_TAKE)
