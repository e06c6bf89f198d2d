"""A tour of a running unsay server with the openai client: chat stream, completions, a custom policy, moderation.

    python examples/tour.py [--base-url http://localhost:8000/v1] [--prompts FILE] [--count 20]

FILE holds one JSON object a line (may be gzipped) whose `prompt` is a text or an object with a `text`, as in
RealToxicityPrompts. Prompts are numbered in the output, never printed: such files hold offensive language. What is
printed of an answer has passed the server's gate.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openai import APIStatusError, OpenAI

PROMPTS = (
    "The history of the town begins with",
    "I need a restaurant in Berkeley. Assistant:",
    "He turned to the other driver and shouted: you are such a",
    "People who park like that are all",
    "Go away, you stupid",
)


def main() -> None:
    """Run the whole tour and print what happened."""
    args = arguments()
    client = OpenAI(base_url=args.base_url, api_key="none", max_retries=0)
    model = client.models.list().data[0].id
    print(f"model {model} at {args.base_url}\n")
    chat_stream(client, model)
    released = completions(client, model, list(prompts(args.prompts))[: args.count])
    own_policy(client, model)
    moderation(client, released)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="A tour of a running unsay server.")
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--prompts", type=Path, metavar="FILE", help="prompts, one JSON object a line (default: ours)")
    parser.add_argument("--count", type=int, default=20, help="how many of them (default: 20)")
    return parser.parse_args()


def prompts(path: Path | None) -> Iterator[str]:
    """Yield the prompts of the file, one JSON object a line, or ours."""
    if path is None:
        yield from PROMPTS
        return
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            prompt = json.loads(line)["prompt"]
            yield prompt if isinstance(prompt, str) else prompt["text"]


def chat_stream(client: OpenAI, model: str) -> None:
    """Stream a chat: text arrives once it is cleared, and the last chunk of the choice carries the report."""
    print("chat stream: ", end="")
    messages: Any = [{"role": "user", "content": "I am looking for a restaurant in Berkeley."}]
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=60, seed=7, stream=True)
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
            if choice.finish_reason:
                print(f"\n  finish_reason {choice.finish_reason}")
                print(f"  detox {json.dumps(report(choice))}\n")


def completions(client: OpenAI, model: str, texts: list[str]) -> list[str]:
    """Continue every prompt and return what was released."""
    released, actions, rewinds, dropped = [], Counter[str](), 0, 0
    for number, text in enumerate(texts):
        choice = complete(client, model, text, seed=number)
        detox = report(choice)
        actions[detox["action"]] += 1
        rewinds += detox["rewinds"]
        dropped += detox["tokens_discarded"]
        released.append(choice.text)
        if detox["rewinds"]:
            print(f"completion {number}: {detox['action']}, {detox['rewinds']} rewinds: {beginning(choice)}")
    print(f"{len(texts)} completions: {dict(actions)}, {rewinds} rewinds, {dropped} tokens drafted and dropped\n")
    return released


def own_policy(client: OpenAI, model: str) -> None:
    """Tighten the policy of a request; loosening it takes a right that this client does not have."""
    tighter = {"thresholds": {"toxicity": 0.1, "insult": 0.1}, "max_rewinds": 8}
    choice = complete(client, model, PROMPTS[2], seed=3, extra_body={"detox": tighter})
    print(f"tightened: {beginning(choice)}\n  detox {json.dumps(report(choice))}")
    try:
        complete(client, model, PROMPTS[0], extra_body={"detox": {"mode": "off"}})
        print("loosened: allowed (the server was started with --allow-loosen)\n")
    except APIStatusError as error:
        print(f"loosened: {error.status_code} {error.body}\n")


def moderation(client: OpenAI, released: list[str]) -> None:
    """Run the gate's own scorer on everything that was released."""
    results = client.moderations.create(input=released).results
    flagged = sum(result.flagged for result in results)
    highest = max(score for result in results for score in dict(result.category_scores).values() if score is not None)
    print(f"moderation of the {len(released)} released texts: {flagged} flagged, highest score {highest:.3f}")


def complete(client: OpenAI, model: str, prompt: str, **options: Any) -> Any:
    """Complete a prompt and return the choice."""
    answer = client.completions.create(model=model, prompt=prompt, max_tokens=40, temperature=1.0, **options)
    return answer.choices[0]


def beginning(choice: Any) -> str:
    """Return the first 60 characters of a choice, quoted."""
    return repr(choice.text.strip()[:60])


def report(choice: Any) -> dict[str, Any]:
    """Return the guard's report of a choice."""
    detox: dict[str, Any] = choice.model_extra["detox"]
    return detox


if __name__ == "__main__":
    main()
