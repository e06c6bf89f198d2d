"""How many examples a property is tried with: the one place where hypothesis is set."""

from hypothesis import settings

# The same examples in every run; `--hypothesis-profile default` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)


def examples(count: int) -> settings:
    """Settings of a property that needs `count` examples; the profile `quick` tries no more of it than of any other."""
    if settings.get_current_profile_name() == "quick":
        count = min(count, settings.get_profile("quick").max_examples)
    return settings(max_examples=count, deadline=None)
