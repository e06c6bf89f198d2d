"""The operator's files, as a server has them: policies and keys, read again when they change."""

from pathlib import Path

from filters.scorer import Scorer
from server import probes
from server.configuration import Settings
from server.feedback import database
from server.generation.probe import Probe
from server.keys.file import Keys, check_countable, check_policies
from server.keys.file import load as load_keys
from server.policy import catalog as catalogs
from server.policy.catalog import Catalog
from server.reloading import Current, Reloaded, ReloadObserver
from server.telemetry import logs
from server.telemetry.metrics import Metrics

log = logs.logger("server")


def load_catalog(settings: Settings) -> Catalog:
    """Return the policies, from the file or the built-in ones."""
    return catalogs.load(settings.policy_file) if settings.policy_file else catalogs.builtin()


def check_files(settings: Settings) -> None:
    """Read the policies and the keys, which is quick. StartError if one of them cannot be used."""
    catalog = load_catalog(settings)
    database.check(settings.feedback_db)
    if settings.keys_file:
        check_policies(load_keys(settings.keys_file), catalog.policies)


def policies(settings: Settings, scorer: Scorer, probe: Probe | None, observer: ReloadObserver) -> Current[Catalog]:
    """Return the policies, fit for scorer and probe: the built-in ones, or the file's, read again when it changes."""

    def load(path: Path) -> Catalog:
        return probes.check_rungs(catalogs.check_categories(catalogs.load(path), scorer.categories), probe)

    if settings.policy_file is None:
        return Current(catalogs.check_categories(load_catalog(settings), scorer.categories))
    return Reloaded("policies", settings.policy_file, load, observer)


def keys(settings: Settings, catalog: Current[Catalog], metrics: Metrics, servers: int = 1) -> Current[Keys] | None:
    """Return the keys of the file, read again when it changes; None without one. StartError if it cannot be used.

    Later a key may name a policy that is not there (yet): its requests are refused until it is, and the log says so.
    Limits that each of several servers would count by itself are refused.
    """
    if settings.keys_file is None:
        return None

    def load(path: Path) -> Keys:
        read = load_keys(path)
        if servers > 1:
            check_countable(read, servers, settings.rate_limits_url)
        return read

    found = Reloaded("keys", settings.keys_file, load, metrics)
    check_policies(found.value, catalog.value.policies)

    def tell(new: Keys) -> None:
        metrics.expect_keys([key.name for key in new])
        for problem in new.without_policy(catalog.value.policies):
            log.warning("a key names a policy that is not there", extra={"problem": problem})

    found.then = tell
    metrics.expect_keys([key.name for key in found.value])
    return found
