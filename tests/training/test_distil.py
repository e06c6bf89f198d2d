import numpy as np

from training.distil import Plan, learn


def test_the_weights_have_the_plans_shapes() -> None:
    plan = Plan(stretch_bits=6, word_bits=5, width=4, hidden=8, epochs=1, batch=4)
    weights = learn(plan, ["one", "two", "three", "four"], np.full((4, 2), 0.5, np.float32))
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    assert shapes == {
        "stretches": (64, 4),
        "words": (32, 4),
        "near": (12, 8),
        "near.bias": (8,),
        "around": (24, 8),
        "around.bias": (8,),
        "inner": (16, 8),
        "inner.bias": (8,),
        "out": (8, 3),
        "out.bias": (3,),
    }
    assert not any(weight.requires_grad for weight in weights.values())


def test_it_goes_on_from_weights_that_know_something_and_leaves_those_alone() -> None:
    plan = Plan(stretch_bits=6, word_bits=5, width=4, hidden=8, epochs=1, batch=2, rate=0.001)
    texts, scores = ["one", "two"] * 4, np.array([[0.9], [0.1]] * 4, np.float32)
    start = learn(Plan(stretch_bits=6, word_bits=5, width=4, hidden=8, epochs=20, batch=2), texts, scores)
    before = {name: weight.clone() for name, weight in start.items()}
    after = learn(plan, texts, scores, start)
    assert all(bool((start[name] == before[name]).all()) for name in before)
    near = max(float((after[name] - start[name]).abs().max()) for name in start)
    far = max(float((learn(plan, texts, scores)[name] - start[name]).abs().max()) for name in start)
    assert 0 < near < 0.02 < far
