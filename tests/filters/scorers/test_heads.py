import numpy as np
import pytest
import torch

from filters.scorers.heads import Heads, Output, nothing, rms, seen_after, with_category, with_correction

WIDTH = 3
OUTPUT = Output(torch.tensor([[1.0, -1.0, 9.0], [0.0, 0.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))


def row(*numbers: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array(numbers)


def both() -> Heads:
    """A category, a correction of the classifier's second, and one of the category."""
    heads = with_category(nothing(WIDTH), "spoilers", row(2, 0, 0), -0.5, 2)
    heads = with_correction(heads, 1, row(3, 0.5, 0), 0.0, 1.0)
    return with_correction(heads, 2, row(0, 4, 0), 0.0, 0.0)


def test_nothing_changes_nothing_and_outputs_without_a_name_are_left_out() -> None:
    assert torch.equal(nothing(WIDTH)(OUTPUT, 2), OUTPUT.logits[:, :2])


def test_a_category_and_corrections_are_linear_but_for_the_quiet_band() -> None:
    found = both()(OUTPUT, 2)
    # The second category: 3 over a band of 1, then .5 within it. The third is the category: 2 - .5, then -.5 + 4.
    assert torch.equal(found, torch.tensor([[1.0, 1.0, 1.5], [0.0, 0.0, 3.5]]))


def test_a_category_learned_again_takes_the_place_of_the_old_one_and_of_what_corrected_it() -> None:
    heads = with_category(both(), "medical", row(0, 0, 1), 0.0, 2)
    heads = with_correction(heads, 3, row(0, 0, 1), 0.0, 0.0)
    again = with_category(heads, "spoilers", row(1, 0, 0), 0.0, 2)
    assert again.categories == ("medical", "spoilers")
    assert again.of == (1, 2)
    assert torch.equal(again(OUTPUT, 2)[:, 3], torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize(("layers", "after"), [(1, 0), (2, 1), (3, 2), (6, 4), (12, 8)])
def test_tokens_are_averaged_after_two_thirds_of_the_layers(layers: int, after: int) -> None:
    assert seen_after(layers) == after


def test_the_first_of_an_output_and_the_size_of_errors() -> None:
    assert OUTPUT.first(1).logits.shape == (1, 3)
    assert rms(torch.tensor([[3.0, 0.0], [-3.0, 0.0]])) == [3.0, 0.0]
