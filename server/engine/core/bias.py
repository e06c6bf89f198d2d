"""Changed logits: what is banned at a position cannot be drawn there, what is avoided hardly can.

1. A ban never empties what may be drawn: where nothing else is allowed (by a grammar, say), the row stays as it was,
   since vLLM would draw token 0 from an empty one, and end a structured answer with an error.
2. Biases are added before penalties and temperature in one of vLLM's runners, after penalties in the other; a ban is
   the same in both.
"""

import torch

from server.engine.core.changes import Changes

AVOIDED_BIAS = -6.0
"""Makes a token some 400 times less likely: it still comes where nothing else fits."""
FORBIDDEN = float("-inf")


def change(row: torch.Tensor, changes: Changes, position: int) -> None:
    """Change the logits of the token to be drawn at `position`, in place."""
    if position < changes.until and changes.avoided:
        row[_inside(row, changes.avoided)] += AVOIDED_BIAS
    banned = changes.banned.get(position)
    if banned:
        _ban(row, _inside(row, banned))


def _ban(row: torch.Tensor, tokens: torch.Tensor) -> None:
    before = row[tokens]
    row[tokens] = FORBIDDEN
    if not torch.any(row > FORBIDDEN):
        row[tokens] = before


def _inside(row: torch.Tensor, tokens: object) -> torch.Tensor:
    """Return the ids that the vocabulary has: the tokens of masks are ours, others come from the model itself."""
    ids = torch.as_tensor(tokens, dtype=torch.long, device=row.device)
    return ids[ids < row.shape[0]]
