"""What the process that starts several API servers does for them before it does: checks, and what they share."""

from server.configuration import Settings, scorer_variables
from server.environment import environment, share_scorer, shared_scorer
from server.errors import StartError
from server.keys.file import check_countable, load
from server.sharing import Place, SharedScorer, free_memory, place
from server.stopping import LAST_SECONDS
from server.telemetry import logs

_BESIDE_GRACE = 3 * LAST_SECONDS
"""For answers that are cut short, for connections, and for the processes to end."""

log = logs.logger("several")


def share(settings: Settings, count: int) -> float:
    """Make what `count` API servers share; return the seconds from a signal to the end of the last of them.

    StartError for what several cannot have.
    """
    logs.configure(settings.log_level, settings.log_format)
    refuse(settings, count)
    where = own(settings) or place(
        settings.scorer_process, settings.scorer, settings.scorer_device, count, free_memory()
    )
    log.info(
        "one scorer for all API servers" if where.shared else "a scorer in each API server",
        extra={"servers": count, "because": where.because, "scorer_process": settings.scorer_process},
    )
    if where.shared:
        scorer = SharedScorer({**environment(), **scorer_variables(settings)})
        scorer.start()
        share_scorer(scorer.url)
    return settings.grace_seconds + _BESIDE_GRACE


def own(settings: Settings) -> Place | None:
    """Return that each server has its own scorer, where something is learned beside it; None where nothing is."""
    if settings.learned is None:
        return None
    if settings.scorer_process == "shared":
        raise StartError("scorer_process: with learned each server has a scorer of its own; leave scorer_process out")
    return Place(False, "what is learned comes into force in each")


def refuse(settings: Settings, count: int) -> None:
    """StartError for what only one server can have, and for limits of keys that several would not keep."""
    if settings.keys_file is not None:
        check_countable(load(settings.keys_file), count, settings.rate_limits_url)
    for key in ("pairs_out", "audit_out"):
        if (path := getattr(settings, key)) is not None:
            raise StartError(f"{key}: {count} API servers would write to {path}; leave one of both out")


def asking(settings: Settings) -> Settings:
    """Return the settings of an API server that asks the scorer that its starter runs for all, if there is one."""
    url = shared_scorer()
    if url is None:
        return settings
    elsewhere = {"scorer": f"remote:{url}", "screen": None, "scorer_device": "cpu", "scorer_threads": 1}
    return settings.model_copy(update=elsewhere)


def refuse_alone(settings: Settings) -> None:
    """StartError for what is said of several servers where there is one."""
    if settings.scorer_process == "shared":
        raise StartError("scorer_process: there is one API server: leave it out, or name a `remote:` scorer")
