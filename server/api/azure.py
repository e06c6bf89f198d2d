"""Azure's paths, for clients that read its answers: the same routes by other names, and no second door.

1. `/openai/deployments/{model}/chat/completions` and the like are vLLM's routes under `/v1`; the deployment is the
   model, whatever the body names, as on Azure.
2. `/openai/v1/...` and what AzureOpenAI clients ask outside of a deployment, `/openai/...`, are `/v1/...`.
3. `api-version` says which version of Azure's API a client was written for; it changes nothing here.
4. What is rewritten is rewritten before any route is looked for: every rule about `/v1/...` holds.
"""

import json
import re
from typing import Any

from server.api.asgi import Scope

OPERATIONS = (
    "chat/completions",
    "completions",
    "embeddings",
    "audio/transcriptions",
    "audio/translations",
)
"""What is asked of a deployment, as far as vLLM has a route for it."""
_DEPLOYED = re.compile(rf"/openai/deployments/(?P<model>[^/].*?)/(?P<rest>{'|'.join(OPERATIONS)})")
"""The names of models may hold slashes, so that the path is read from both ends."""
_OTHER = re.compile(r"/openai/(?:v1/)?(?P<rest>(?!v1/|deployments/).+)")


def azures(scope: Scope) -> bool:
    """Return whether a request is for one of Azure's paths."""
    return str(scope["path"].removeprefix(scope.get("root_path", ""))).startswith("/openai/")


def rewritten(scope: Scope) -> str | None:
    """Turn a request for one of Azure's paths into one for vLLM's route, in place. Return the deployment, if named."""
    root = scope.get("root_path", "")
    path = scope["path"].removeprefix(root)
    found = _DEPLOYED.fullmatch(path) or _OTHER.fullmatch(path)
    if found is None:
        return None
    scope["path"] = f"{root}/v1/{found['rest']}"
    return found.groupdict().get("model")


def named(asked: dict[str, Any], body: bytes, deployment: str | None) -> bytes:
    """Return a body that names the deployment as its model. A body without keys (a form, no JSON) stays as it is."""
    if deployment is None or not asked or asked.get("model") == deployment:
        return body
    asked["model"] = deployment
    return json.dumps(asked, ensure_ascii=False).encode()
