"""The faults, in the order in which they are tried: those that the server outlives first, over one server."""

from tests.chaos.breaking import engine, judging
from tests.chaos.fault import Fault

FAULTS: tuple[type[Fault], ...] = (
    judging.ScorerKilled,
    engine.EngineKilled,
    engine.Terminated,
)
