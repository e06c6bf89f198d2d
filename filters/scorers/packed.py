"""The forward pass of a classifier without padding: the tokens of all pieces stand one after another.

The rules:
1. Linear layers and normalisation see every token of every piece in one matrix, and no padding.
2. Only attention needs pieces apart: those of similar length are laid out beside each other, padded to the longest, and
   what is padding is masked.
3. The head looks at the first token of a piece only. So the last layer computes keys and values for all tokens, and the
   rest for the first ones.
   What learned heads look at (heads.py) is there on the way: means over the tokens before the last layer.
4. A pass gives way several times a layer: vLLM's processes wait for each other by spinning and yielding, and on a core
   shared with the scorer one of them would otherwise get its turn only after a time slice of some milliseconds.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import embedding, layer_norm, linear, scaled_dot_product_attention

from filters.scorers.encoder import Affine, Encoder, Layer, Norm
from filters.scorers.heads import Output, seen_after
from filters.scorers.linears import Linear
from filters.scorers.pieces import alike, loads


@dataclass(frozen=True, slots=True)
class _Group:
    """Pieces of similar length, which attend together: `count` of them, the longest of `longest` tokens.

    Their tokens are `begin` to `end`; token number `place` stands at each of the (count * longest) places, and `taken`
    are those places that are no padding. Both are None if all of them are equally long.
    """

    begin: int
    end: int
    count: int
    longest: int
    place: torch.Tensor | None
    taken: torch.Tensor | None


@dataclass(frozen=True, slots=True)
class _Packed:
    """The tokens of some pieces, longest first: their ids and positions, where each piece begins, and the groups."""

    ids: torch.Tensor
    positions: torch.Tensor
    firsts: torch.Tensor
    groups: tuple[_Group, ...]


class _Step:
    """One layer, its linear layers made ready."""

    def __init__(self, layer: Layer, kind: type[Linear], heads: int, *, last: bool) -> None:
        width = layer.query_key_value.weight.shape[0] // 3
        # The last layer's queries are few; the other ones are computed together with keys and values.
        queries = width if last else 0
        self._query = kind(layer.query_key_value.part(0, width)) if last else None
        self._rest = kind(layer.query_key_value.part(queries, 3 * width))
        self._attended = kind(layer.attended)
        self._up = kind(layer.up)
        self._down = kind(layer.down)
        self._norms = (layer.attended_norm, layer.down_norm)
        self._activation = layer.activation
        self._heads = heads

    def __call__(self, tokens: torch.Tensor, packed: _Packed) -> torch.Tensor:
        """Return the next hidden states; in the last layer those of the first tokens alone."""
        rest = self._rest(tokens)
        os.sched_yield()
        if self._query is None:
            seen = torch.cat([self._all(rest[group.begin : group.end], group) for group in packed.groups])
        else:
            tokens = tokens[packed.firsts]
            seen = self._firsts(self._query(tokens), rest, packed.groups)
        os.sched_yield()
        middle = _normed(self._attended(seen).add_(tokens), self._norms[0])
        up = self._activation(self._up(middle))
        os.sched_yield()
        down = _normed(self._down(up).add_(middle), self._norms[1])
        os.sched_yield()
        return down

    def _all(self, rest: torch.Tensor, group: _Group) -> torch.Tensor:
        """Return what every token of a group sees."""
        query, key, value = self._laid_out(rest, group, 3)
        seen = scaled_dot_product_attention(query, key, value, attn_mask=_mask(group))
        flat = seen.transpose(1, 2).reshape(group.count * group.longest, -1)
        return flat if group.taken is None else flat[group.taken.view(-1)]

    def _firsts(self, queries: torch.Tensor, rest: torch.Tensor, groups: Sequence[_Group]) -> torch.Tensor:
        """Return what the first tokens see."""
        seen = []
        own = torch.split(queries, [group.count for group in groups])
        for group, query in zip(groups, own, strict=True):
            key, value = self._laid_out(rest[group.begin : group.end], group, 2)
            asked = query.view(group.count, 1, self._heads, -1).transpose(1, 2)
            found = scaled_dot_product_attention(asked, key, value, attn_mask=_mask(group))
            seen.append(found.transpose(1, 2).reshape(group.count, -1))
        return torch.cat(seen)

    def _laid_out(self, rest: torch.Tensor, group: _Group, parts: int) -> tuple[torch.Tensor, ...]:
        """Return queries, keys and values of a group as (count, heads, longest, width of a head) each."""
        laid = rest if group.place is None else rest[group.place.view(-1)]
        return laid.view(group.count, group.longest, parts, self._heads, -1).permute(2, 0, 3, 1, 4).unbind()


class PackedForward:
    """Runs an encoder, its linear layers in one way (linears.py)."""

    def __init__(self, encoder: Encoder, kind: type[Linear]) -> None:
        self.kind = kind
        self._encoder = encoder
        count = len(encoder.layers)
        self._steps = [
            _Step(layer, kind, encoder.heads, last=index == count - 1) for index, layer in enumerate(encoder.layers)
        ]

    def __call__(self, pieces: Sequence[Sequence[int]]) -> Output:
        """Return log odds and embeddings on the CPU, in order. Each piece has at least one token id."""
        lengths = [len(piece) for piece in pieces]
        shares = loads(lengths)
        with torch.inference_mode():
            every = [self._run([pieces[index] for index in share]) for share in shares]
            order = torch.tensor([index for share in shares for index in share])
            logits, embeddings = (torch.cat(found).cpu() for found in zip(*every, strict=True))
            return Output(_in_order(logits, order), _in_order(embeddings, order))

    def _run(self, pieces: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log odds and embeddings of pieces sorted longest first."""
        encoder = self._encoder
        packed = _pack(pieces, encoder.words.device)
        tokens = embedding(packed.ids, encoder.words) + encoder.places[packed.positions]
        tokens = _normed(tokens, encoder.norm)
        if encoder.widen is not None:
            tokens = _affine(tokens, encoder.widen)
        lengths = torch.tensor([len(piece) for piece in pieces], device=tokens.device)
        means = []
        for index, step in enumerate(self._steps):
            if index in (0, seen_after(len(self._steps))):
                means.append(torch.segment_reduce(tokens, "mean", lengths=lengths))
            tokens = step(tokens, packed)
        logits = _affine(torch.tanh(_affine(tokens, encoder.dense)), encoder.out)
        return logits, torch.cat([means[0], means[-1], tokens], dim=1)


def _in_order(found: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(found).index_copy_(0, order, found)


def _pack(pieces: Sequence[Sequence[int]], device: torch.device) -> _Packed:
    lengths = [len(piece) for piece in pieces]
    ids = torch.tensor([token for piece in pieces for token in piece], device=device)
    counts = torch.tensor(lengths, device=device)
    firsts = counts.cumsum(0) - counts
    positions = torch.arange(len(ids), device=device) - firsts.repeat_interleave(counts)
    groups, begin = [], 0
    for count in alike(lengths):
        own, lengths = lengths[:count], lengths[count:]
        groups.append(_group(begin, own, device))
        begin += sum(own)
    return _Packed(ids, positions, firsts, tuple(groups))


def _group(begin: int, lengths: Sequence[int], device: torch.device) -> _Group:
    count, longest, total = len(lengths), lengths[0], sum(lengths)
    if total == count * longest:
        return _Group(begin, begin + total, count, longest, None, None)
    counts = torch.tensor(lengths, device=device)
    steps = torch.arange(longest, device=device)
    taken = steps < counts[:, None]
    place = torch.where(taken, (counts.cumsum(0) - counts)[:, None] + steps, 0)
    return _Group(begin, begin + total, count, longest, place, taken)


def _mask(group: _Group) -> torch.Tensor | None:
    return None if group.taken is None else group.taken[:, None, None, :]


def _normed(tokens: torch.Tensor, norm: Norm) -> torch.Tensor:
    return layer_norm(tokens, norm.weight.shape, norm.weight, norm.bias, norm.eps)


def _affine(tokens: torch.Tensor, affine: Affine) -> torch.Tensor:
    return linear(tokens, affine.weight, affine.bias)
