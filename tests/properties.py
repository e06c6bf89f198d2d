"""How many examples a property is tried with: the one place where hypothesis is set."""

from hypothesis import HealthCheck, settings

# The same examples in every run; `--hypothesis-profile default` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
# `make schema`: new ones, and many of each.
settings.register_profile("many", deadline=None, database=None)
TIMES = 70
"""How many times as many the profile `many` tries."""


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Settings of a property that needs `count` examples; the profile `quick` tries no more of it than of any other."""
    if settings.get_current_profile_name() == "quick":
        count = min(count, settings.get_profile("quick").max_examples)
    if settings.get_current_profile_name() == "many":
        count *= TIMES
    return settings(max_examples=count, deadline=None, suppress_health_check=unchecked)
