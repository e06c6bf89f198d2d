"""Where upstreams are: `http(s)://HOST[:PORT][/PATH]`, and nothing in it that a log must not hold."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from server.errors import StartError

_EXPECTED = "expected http://HOST[:PORT][/PATH] or https://..., without user, password, query and fragment"


def addresses(urls: Sequence[str]) -> tuple[str, ...]:
    """Return the upstreams without a slash at their ends. StartError for what is none, or is named twice."""
    read = tuple(_read(url) for url in urls)
    for at, url in enumerate(read):
        if url in read[:at]:
            raise StartError(f"--upstream {url}: named twice; name each once")
    return read


def _read(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or not url.isprintable() or any(mark in url for mark in "@?# "):
        # Not repeated where it may hold a password.
        raise StartError(f"--upstream{'' if '@' in url else f' {url}'}: {_EXPECTED}")
    return url.rstrip("/")
