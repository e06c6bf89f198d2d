"""The faults, in the order in which they are tried: those that the server outlives first, over one server."""

from tests.chaos.breaking import crowding, engine, files, judging, time
from tests.chaos.fault import Fault

FAULTS: tuple[type[Fault], ...] = (
    judging.ScorerKilled,
    judging.ScorerStopped,
    judging.ScorerOutOfMemory,
    judging.ScorerSaysNan,
    judging.ScorerLate,
    judging.DetectorSaysNan,
    files.PolicyFileBroken,
    files.KeysFileBroken,
    files.KeysFileGone,
    files.DiskFull,
    crowding.SlowReaders,
    crowding.ClientsGone,
    engine.EngineStopped,
    engine.EngineKilled,
    engine.WorkerKilled,
    time.ClockSet,
    engine.TerminatedWhileStopped,
    engine.Terminated,
)
