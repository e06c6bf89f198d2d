"""What stands for a text, or for a policy, where neither may be written or there is no room for it."""

import hashlib
import json

from server.policy.policy import Policy


def hashed(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def policy_hash(policy: Policy) -> str:
    """Return the SHA-256 of a policy as it held, whatever of it a request has tightened: of its keys as sorted JSON."""
    return hashed(json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":")))
