"""Whose texts are scored next.

The rules:
1. A pass is of the most urgent kind that waits. Nothing else delays the windows of running answers, however much waits.
2. Within a kind clients take turns: each has as many texts in as fit, then goes behind all others; so do a client's
   calls among themselves. What a client waits for depends on how many others there are, not on what they ask for.
3. A kind has its share of a pass, in characters, whatever else is on board. Less urgent kinds have small ones: what is
   asked for during their pass waits for little.
4. A kind that was passed over `PATIENCE` times in a row has one text in the next pass: nobody is starved.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable, Mapping

from filters.call import SHORTEST_PIECE, URGENCIES, Call, Urgency

SIXTEENTHS: Mapping[Urgency, int] = {"windows": 14, "prompts": 1, "moderations": 1}
"""Of the characters of a pass."""
LEAST_CHARACTERS = 16 * SHORTEST_PIECE
PATIENCE = 8

Boarded = list[tuple[Call, list[str]]]


class Turns:
    """The calls that wait. A pass has at most `most_texts` and `characters` (`LEAST_CHARACTERS` or more)."""

    def __init__(self, most_texts: int, characters: int) -> None:
        self._most_texts = most_texts
        self._lines = {kind: _Line(characters * part // 16) for kind, part in SIXTEENTHS.items()}

    def longest(self, kind: Urgency) -> int:
        """Return how many characters a text of this kind may have, to fit into its share of a pass."""
        return self._lines[kind].share

    def waiting(self, kind: Urgency) -> int:
        """Return how many texts of this kind wait."""
        return self._lines[kind].waiting

    def join(self, call: Call) -> None:
        """Have a call wait for its turns."""
        self._lines[call.caller.urgency].join(call)

    def leave(self, call: Call) -> None:
        """Forget what waits of a call, if anything does."""
        self._lines[call.caller.urgency].leave(call)

    def calls(self) -> list[Call]:
        """Return every call of which something waits."""
        return [call for line in self._lines.values() for call in line.calls()]

    def board(self) -> Boarded:
        """Return the next pass, and let it go: texts by call, each call once; nothing if nothing waits."""
        lines = [line for kind in URGENCIES if (line := self._lines[kind]).front()]
        if not lines:
            return []
        boarded: Boarded = []
        for line in lines[1:]:
            if line.is_due() and len(boarded) + 1 < self._most_texts:
                boarded += line.board(1)
        return boarded + lines[0].board(self._most_texts - len(boarded))


class _Line:
    """The calls of one kind: clients in the order of their turns, each with its calls in the order of theirs."""

    def __init__(self, share: int) -> None:
        self.share = share
        self.waiting = 0
        self._clients: OrderedDict[Hashable, deque[Call]] = OrderedDict()
        self._passed_over = 0

    def calls(self) -> list[Call]:
        return [call for calls in self._clients.values() for call in calls]

    def join(self, call: Call) -> None:
        self._clients.setdefault(call.client, deque()).append(call)
        self.waiting += call.waiting

    def leave(self, call: Call) -> None:
        if call in self._clients.get(call.client, ()):
            self.waiting -= call.waiting
            self._clients[call.client].remove(call)
            self._tidy(call.client)

    def front(self) -> Call | None:
        """Return the call whose turn it is. One that nobody waits for any more has none, and is forgotten."""
        while self._clients:
            call = next(iter(self._clients.values()))[0]
            if not call.future.done():
                return call
            self.leave(call)
        return None

    def is_due(self) -> bool:
        """Note that it is passed over; return whether it was so too often."""
        self._passed_over += 1
        return self._passed_over > PATIENCE

    def board(self, most: int) -> Boarded:
        """Take what fits: up to `most` texts, within its share."""
        self._passed_over = 0
        boarded: Boarded = []
        room = self.share
        while (call := self.front()) and (taken := call.take(most, room)):
            most -= len(taken)
            room -= sum(map(len, taken))
            self._move_on(call, len(taken))
            boarded.append((call, taken))
        return boarded

    def _move_on(self, call: Call, taken: int) -> None:
        """Send a call behind the others of its client, and that one behind all others."""
        self.waiting -= taken
        calls = self._clients[call.client]
        calls.popleft()
        if call.waiting:
            calls.append(call)
        self._clients.move_to_end(call.client)
        self._tidy(call.client)

    def _tidy(self, client: Hashable) -> None:
        if not self._clients[client]:
            del self._clients[client]
