"""A case: one request with all that is drawn about it, a function of its number."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz import FLAGGED
from tests.fuzz.writer import Writer
from tests.live.wire import JSON

PROMPTS = ("He went to the", "They came to the riv", "A zorp", "She said: ", "The town", "It was a cold", "Say it. ")
STOPS = (
    ".",
    "Observation:",
    *("Z" * length for length in (6, 12, 20, 30, 45)),
    "Z" * 68,
    "riv",
    "zorpish",
    " garden",
    "the old",
    "blick",
    "\n",
    "church was",
    "i",
)
CHOICES = (
    "The church was built in the town",
    "He came to the river and went on",
    "Good day, you zorpish old blickmoth",
    "It was a cold garden of the town",
    "\U0001f987 and 日本",
)
POLICIES = ("default", "strict", "small", "patient", "no-rewinds", "truncate", "mask", "only-ban", "only-candidates")
SCORERS = ("honest", "honest", "honest", "late", "flipping", "crashing")
ROUTES = {
    "completions": "/v1/completions",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "generate": "/inference/v1/generate",
}
TRACED = ("completions", "chat")
FUNCTION: JSON = {"name": "find", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}}
TOOL: JSON = {"type": "function", "function": FUNCTION}


@dataclass
class Case:
    """`features` names what was drawn; `leaves_after`: the client goes away after so many messages."""

    number: int
    route: str
    body: JSON
    features: set[str]
    scorer: str
    writer: Writer
    sizes: random.Random
    exact: bool
    prompt: str = ""
    """What the answer's text follows directly, of a completion that does not repeat it."""
    leaves_after: int | None = None

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def traced(self) -> bool:
        return "trace" in self.body["detox"]

    @property
    def choices(self) -> int:
        return int(self.body.get("n", 1))


@dataclass
class _Draw:
    """Draws keys of a request and remembers which."""

    chance: random.Random
    tokenizer: Any
    features: set[str] = field(default_factory=set)

    def maybe(self, share: float, key: str, value: Any) -> JSON:
        """The key with a value, in so many of the cases."""
        if self.chance.random() >= share:
            return {}
        self.features.add(key)
        return {key: value() if callable(value) else value}

    def token(self) -> int:
        """A token of a flagged word, of a clean one, or any."""
        texts = (" river", "er", "ish", "moth", " garden", " the", " church", ".", " zorp")
        ids = self.tokenizer.encode(self.chance.choice(texts), add_special_tokens=False)
        return int(self.chance.choice([ids[0], ids[-1], self.chance.randrange(len(self.tokenizer))]))

    def tokens(self) -> list[int]:
        return [self.token() for _ in range(self.chance.choice((1, 1, 2, 5)))]

    def stops(self) -> list[str]:
        return self.chance.sample(STOPS, self.chance.choice((1, 1, 2, 3)))


def drawn(number: int, tokenizer: Any, route: str | None = None) -> Case:
    """The case of this number; the same number gives the same case."""
    draw = _Draw(random.Random(number), tokenizer)
    chance = draw.chance
    route = route or random.Random(f"route {number}").choice(tuple(ROUTES))
    body = _BODIES[route](draw)
    body |= draw.maybe(0.6, "stream", True) | {"detox": _detox(draw)}
    if body.get("stream") and route in TRACED and random.Random(f"trace {number}").random() < 0.4:
        body["detox"]["trace"] = True
        draw.features.add("trace")
    if route != "generate":
        body["model"] = "unsay-mini"
    scorer = chance.choice(SCORERS)
    thinks = not draw.maybe(0.2 if route in ("chat", "responses", "messages") else 0, "reasoning", True) == {}
    if thinks:
        body["max_output_tokens" if route == "responses" else "max_tokens"] = 80
    writer = Writer(tokenizer, number, chance.choice((0.0, 0.1, 0.4, 0.8)), "tools" in body, thinks)
    return Case(
        number,
        route,
        body,
        draw.features | {route, f"scorer {scorer}"},
        scorer,
        writer,
        random.Random(number),
        chance.random() < 0.6,
        str(body["prompt"]) if route == "completions" and "echo" not in body else "",
        chance.randint(1, 6) if chance.random() < 0.04 else None,
    )


def _detox(draw: _Draw) -> JSON:
    chance = draw.chance
    policy = chance.choice(POLICIES)
    draw.features.add(f"policy {policy}")
    detox: JSON = {"policy": policy, "report": chance.random() < 0.5}
    detox |= {"max_rewinds": chance.randint(0, 2)} if chance.random() < 0.2 else {}
    return detox


def _sampling(draw: _Draw) -> JSON:
    """What completions, chat and tokens in, tokens out take alike."""
    chance = draw.chance
    made: JSON = {"max_tokens": chance.choice((1, 2, 5, 12, 24, 24)), "temperature": chance.choice((0, 1))}
    made |= draw.maybe(0.5, "seed", lambda: chance.randrange(1 << 20)) | draw.maybe(0.35, "stop", draw.stops)
    made |= draw.maybe(0.25, "stop_token_ids", draw.tokens) | draw.maybe(0.15, "include_stop_str_in_output", True)
    made |= draw.maybe(0.1, "min_tokens", lambda: chance.randint(0, made["max_tokens"])) | draw.maybe(
        0.15, "ignore_eos", True
    )
    made |= draw.maybe(0.15, "skip_special_tokens", False) | draw.maybe(0.1, "bad_words", [" river", "the old", "moth"])
    made |= draw.maybe(
        0.2, "logit_bias", lambda: {str(token): chance.choice((100, -100, 3)) for token in draw.tokens()}
    )
    made |= draw.maybe(0.05, "allowed_token_ids", lambda: [draw.token() for _ in range(8)])
    made |= draw.maybe(0.12, "structured_outputs", lambda: {"choice": chance.sample(CHOICES, chance.randint(1, 3))})
    return made


def _shown(draw: _Draw) -> JSON:
    """Ids in answers of completions and chat."""
    return draw.maybe(0.5, "return_token_ids", True) | draw.maybe(0.15, "return_tokens_as_token_ids", True)


def _completions(draw: _Draw) -> JSON:
    chance = draw.chance
    body = _sampling(draw) | _shown(draw) | {"prompt": chance.choice(PROMPTS)}
    body |= draw.maybe(0.4, "logprobs", lambda: chance.randint(0, 5)) | draw.maybe(0.15, "echo", True)
    body |= draw.maybe(0.2, "n", lambda: chance.randint(2, 3))
    return body | draw.maybe(0.05, "prompt_logprobs", lambda: chance.randint(0, 3))


def _chat(draw: _Draw) -> JSON:
    chance = draw.chance
    body = _sampling(draw) | _shown(draw) | {"messages": [{"role": "user", "content": chance.choice(PROMPTS)}]}
    if chance.random() < 0.4:
        draw.features.add("logprobs")
        body |= {"logprobs": True, "top_logprobs": chance.randint(0, 5)}
    body |= draw.maybe(0.2, "n", lambda: chance.randint(2, 3))
    if chance.random() < 0.15:
        body["messages"].append({"role": "assistant", "content": chance.choice(PROMPTS)})
        body |= draw.maybe(1, "continue_final_message", True) | {"add_generation_prompt": False}
    elif "structured_outputs" not in body:
        body |= draw.maybe(0.15, "tools", [TOOL])
        if "tools" in body:
            body["max_tokens"] = 60
    return body


def _responses(draw: _Draw) -> JSON:
    chance = draw.chance
    body: JSON = {"input": chance.choice(PROMPTS), "max_output_tokens": chance.choice((1, 5, 24)), "store": False}
    body |= {"temperature": chance.choice((0, 1))} | draw.maybe(
        0.15, "tools", [{"type": "function", **TOOL["function"]}]
    )
    if chance.random() < 0.3:
        draw.features.add("logprobs")
        body |= {"include": ["message.output_text.logprobs"], "top_logprobs": chance.randint(0, 5)}
    return body


def _messages(draw: _Draw) -> JSON:
    chance = draw.chance
    body: JSON = {"max_tokens": chance.choice((1, 5, 24)), "temperature": chance.choice((0, 1))}
    body |= {"messages": [{"role": "user", "content": chance.choice(PROMPTS)}]}
    return body | draw.maybe(0.3, "stop_sequences", draw.stops)


def _generate(draw: _Draw) -> JSON:
    chance = draw.chance
    params = _sampling(draw) | draw.maybe(0.4, "logprobs", lambda: chance.randint(0, 5))
    return {"token_ids": draw.tokenizer.encode(chance.choice(PROMPTS)), "sampling_params": params}


_BODIES = {
    "completions": _completions,
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "generate": _generate,
}

assert all(word in " ".join((*CHOICES, *STOPS)) for word in FLAGGED), "every flagged word is asked for too"
