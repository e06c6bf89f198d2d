"""Every policy that the guard can be given, as hypothesis strategies."""

from hypothesis import strategies as st

from server.policy.policy import STRATEGIES, Mode, Policy


@st.composite
def policies(draw: st.DrawFn, mode: Mode = "enforce") -> Policy:
    """Small numbers, so that every budget and mark is reached."""
    first, hold_back = draw(st.integers(1, 6)), draw(st.integers(0, 6))
    stride = draw(st.integers(first, 9))
    return Policy(
        mode=mode,
        first_stride=first,
        stride=stride,
        max_stride=draw(st.integers(stride, 14)),
        context=draw(st.integers(hold_back, 12)),
        hold_back=hold_back,
        closing_context=draw(st.sampled_from([0, 5, 20, 512])),
        max_rewinds=draw(st.integers(0, 8)),
        max_rewinds_per_span=draw(st.integers(0, 4)),
        ladder=tuple(draw(st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=5))),
        max_discarded_tokens=draw(st.integers(0, 60)),
        on_exhausted=draw(st.sampled_from(["refuse", "truncate", "mask", "flag"])),
        on_scorer_failure=draw(st.sampled_from(["closed", "open"])),
    )


seeds = st.integers(0, 2**32)
