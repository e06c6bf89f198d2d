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
