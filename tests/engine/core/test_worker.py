"""What a rewind exchanges in the first runner's memory of a request."""

from types import SimpleNamespace

import torch
from vllm.sampling_params import SamplingParams

from server.engine.core.worker import RewindingWorker


def rewound(tokens: list[int], params: SamplingParams, generator: torch.Generator | None) -> SimpleNamespace:
    request = SimpleNamespace(output_token_ids=[1, 2, 3, 4], sampling_params=SamplingParams(), generator=generator)
    worker = RewindingWorker()
    worker.model_runner = SimpleNamespace(requests={"r": request}, device="cpu")
    worker.unsay_rewound("r", tokens, params)
    worker.unsay_rewound("gone", tokens, params)  # it ended meanwhile
    return request


def test_tokens_and_parameters_are_those_of_the_attempt() -> None:
    params = SamplingParams(temperature=0.7)
    request = rewound([1, 2], params, None)
    assert request.output_token_ids == [1, 2] and request.sampling_params is params and request.generator is None


def test_a_seeded_request_draws_by_its_new_seed_from_the_start() -> None:
    request = rewound([1, 2], SamplingParams(seed=5), torch.Generator().manual_seed(4))
    fresh = torch.Generator().manual_seed(5)
    assert torch.equal(torch.rand(3, generator=request.generator), torch.rand(3, generator=fresh))
