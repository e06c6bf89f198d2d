"""An evaluation harness reads the same of us as of plain vLLM: what is flagged must not change who is the likeliest."""

import random

from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalCompletionsAPI

from server.settings import BUNDLED_MODEL
from tests.live.servers import Servers
from tests.live.wire import post

Likelihood = tuple[float, bool]
"""The sum of a continuation's logprobs, and whether it is the greedy one."""
CONTEXTS = 100
AT_ONCE = 10
"""Contexts whose likeliest words are flagged at one time: few, so that another word can be said behind each of them."""
BEGINNINGS = ("The history of the", "He lived in a small", "She was born in the", "The river flows past the old")


def loglikelihoods(base: str, model: str, pairs: list[tuple[str, str]]) -> list[Likelihood]:
    """What the harness makes of each pair of context and continuation."""
    harness = LocalCompletionsAPI(
        base_url=f"{base}/v1/completions", model=model, tokenizer=str(BUNDLED_MODEL), num_concurrent=1, max_length=512
    )
    requests = [Instance("loglikelihood", {}, pair, at) for at, pair in enumerate(pairs)]
    return list(harness.loglikelihood(requests, disable_tqdm=True))


def likeliest_words(servers: Servers) -> dict[str, list[str]]:
    """Contexts with the two words that the model thinks of first, likeliest first."""
    tokenizer, chance, found = servers.tokenizer, random.Random(11), dict[str, list[str]]()
    spelled = (tokenizer.decode([token]) for token in range(300, len(tokenizer)))
    words = [word for word in spelled if word[:1] == " " and word[1:].isalpha()]
    while len(found) < CONTEXTS:
        context = chance.choice(BEGINNINGS) + chance.choice(words)
        body = {"model": servers.model, "prompt": context, "max_tokens": 1, "temperature": 0, "logprobs": 2}
        (top,) = post(servers.plain, "completions", body).json()["choices"][0]["logprobs"]["top_logprobs"]
        first, second = sorted(top, key=top.__getitem__, reverse=True)
        if first[1:].isalpha() and second[1:].isalpha() and len(first) > 3:
            found[context] = [first, second]
    return found


def test_loglikelihoods_are_plain_vllms(servers: Servers) -> None:
    """Of each context the likeliest word, which is flagged, and the second one, the likeliest of those left."""
    contexts, ours, plain = list(likeliest_words(servers).items()), list[Likelihood](), list[Likelihood]()
    for start in range(0, CONTEXTS, AT_ONCE):
        some = contexts[start : start + AT_ONCE]
        pairs = [(context, word) for context, both in some for word in both]
        with servers.scorer.flagging(*(likeliest.strip() for _, (likeliest, _) in some)) as scorer:
            ours += loglikelihoods(servers.guarded, servers.model, pairs)
            assert scorer.passes > 0
        plain += loglikelihoods(servers.plain, servers.model, pairs)
    assert ours == plain
    greedy = [each for _, each in ours]
    assert sum(greedy[::2]) > CONTEXTS / 2 and sum(greedy[1::2]) < CONTEXTS / 4


def test_the_likeliest_token_keeps_its_place_without_a_name(servers: Servers) -> None:
    body = {"model": servers.model, "prompt": "He lived in a small garden", "max_tokens": 1, "temperature": 0}
    echo = body | {"logprobs": 2, "echo": True}
    theirs = post(servers.plain, "completions", echo).json()["choices"][0]["logprobs"]["top_logprobs"][1:]
    likeliest = max(theirs[-2], key=theirs[-2].__getitem__)
    with servers.scorer.flagging(likeliest.strip()):
        ours = post(servers.guarded, "completions", echo).json()["choices"][0]["logprobs"]["top_logprobs"][1:]
    assert likeliest not in ours[-2] and any(name.startswith("[withheld:") for name in ours[-2])
    assert [sorted(top.values()) for top in ours[:-1]] == [sorted(top.values()) for top in theirs[:-1]]
