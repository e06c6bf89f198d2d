"""What the operator decides, whichever way it is said: one schema, with its defaults, for every way to start.

1. Ways, the nearest first: what is given to the start itself (options of `unsay serve`, the key `unsay` of vLLM's
   `--additional-config`), variables `UNSAY_<KEY>`, a file (YAML or JSON) that `UNSAY_CONFIG` or the key `config` names.
2. An empty variable says nothing. Variables of other names are nobody's mistake: Kubernetes makes some for a service.
3. What does not fit is one line that names the key as it was said, and what was expected.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt

from filters.turns import LEAST_CHARACTERS
from server.audit.file import Failing, Syncing
from server.environment import environment
from server.errors import StartError
from server.keys.quotas import MEMORY
from server.limits import Limits, Room
from server.patience import Patience
from server.policy import document
from server.policy.shape import Misfit, fit, mismatch
from server.settings import BUNDLED_CLASSIFIER, BUNDLED_PROBE, BUNDLED_SCREEN, parser
from server.sharing import Wanted
from server.telemetry.logs import LogFormat

_BUNDLED_SCORER = f"detoxify:{BUNDLED_CLASSIFIER}"

KEY = "unsay"
"""Ours among the keys of vLLM's `--additional-config`."""
FILE = "config"
SECRET = ("rate_limits_url", "feedback_db")
"""URLs with room for a password."""
_PREFIX = "UNSAY_"

LogLevel = Literal["debug", "info", "warning", "error"]


def _folder(wanted: object) -> object:
    return None if wanted == "none" else wanted


def _several(said: object) -> object:
    return tuple(said.replace(",", " ").split()) if isinstance(said, str) else said


def _bundled_screen(said: Mapping[str, Any]) -> Path | None:
    return BUNDLED_SCREEN if said["scorer"] == _BUNDLED_SCORER else None


def _quarter_of_deadline(said: Mapping[str, Any]) -> float:
    return float(said["scorer_deadline_seconds"]) / 4


class ScorerSettings(BaseModel):
    """What judges, and how it runs. `scorer` names it (filters/scorers/registry.py), `screen` is a folder, or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    scorer: Annotated[str, Field(min_length=1, max_length=4096)] = _BUNDLED_SCORER
    screen: Annotated[Path | None, BeforeValidator(_folder)] = Field(default_factory=_bundled_screen)
    """The bundled screen is for the bundled classifier alone."""
    learned: Annotated[Path | None, BeforeValidator(_folder)] = None
    """The folder of what was learned beside the classifier (docs/learning.md)."""
    scorer_device: str = "cpu"
    scorer_threads: PositiveInt = 1
    scorer_batch: PositiveInt = 16
    scorer_characters: Annotated[int, Field(ge=LEAST_CHARACTERS)] = 8000
    scorer_queue: PositiveInt = 2048
    scorer_deadline_seconds: PositiveFloat = 10.0
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"


class Settings(ScorerSettings):
    """All that a guarded server is told beside vLLM's own arguments."""

    policy_file: Path | None = None
    probe: Annotated[Path | None, BeforeValidator(_folder)] = BUNDLED_PROBE
    """One that is named has to fit the model (server/probes.py)."""
    keys_file: Path | None = None
    pages_need_key: bool = False
    rate_limits_url: str = MEMORY
    """Perhaps with a password in it, so that no error may say it."""
    page: bool = True
    allow_trace: bool = False
    allow_loosen: bool = False
    allow_dev_mode: bool = False
    pairs_out: Path | None = None
    feedback_db: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """A file or a URL, perhaps with a password in it, so that no error may say it."""
    feedback_days: Annotated[float, Field(ge=0, le=36500)] = 90.0
    """0: for good."""
    review_sample: Annotated[float, Field(ge=0, le=1)] = 0.01
    review_twice: Annotated[float, Field(ge=0, le=1)] = 0.2
    audit_out: Path | None = None
    audit_failure: Failing = "closed"
    audit_fsync: Syncing = "second"
    otlp_endpoint: str | None = None
    otlp_protocol: Literal["grpc", "http/protobuf"] = "grpc"
    grace_seconds: Annotated[float, Field(ge=0, le=24 * 3600)] = Patience().grace_seconds
    request_seconds: PositiveFloat = Patience().request_seconds
    engine_seconds: PositiveFloat = Patience().engine_seconds
    scorer_process: Wanted = "auto"
    """Of several API servers (server/sharing.py)."""
    upstream: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    """Where tokens are drawn, if not here (docs/upstream.md). In a variable, separated by commas or spaces."""
    upstream_seconds: PositiveFloat = Patience().upstream_seconds
    max_choices: PositiveInt = Limits().choices
    max_prompt_characters: PositiveInt = Limits().prompt_characters
    max_alternatives: PositiveInt = Limits().alternatives
    max_moderation_characters: PositiveInt = Limits().moderation_characters
    max_under_way: PositiveInt | None = None
    """None: what fits the engine."""
    max_scorer_backlog_seconds: PositiveFloat = Field(default_factory=_quarter_of_deadline)

    @property
    def limits(self) -> Limits:
        """The most that one request may ask for."""
        return Limits(
            choices=self.max_choices,
            prompt_characters=self.max_prompt_characters,
            alternatives=self.max_alternatives,
            moderation_characters=self.max_moderation_characters,
        )

    @property
    def room(self) -> Room:
        """What all requests together may have under way."""
        return Room(choices=self.max_under_way, backlog_seconds=self.max_scorer_backlog_seconds)

    @property
    def patience(self) -> Patience:
        """How long the server waits for what."""
        return Patience(
            grace_seconds=self.grace_seconds,
            request_seconds=self.request_seconds,
            engine_seconds=self.engine_seconds,
            upstream_seconds=self.upstream_seconds,
        )

    def said(self) -> dict[str, object]:
        """Return what was said, without the defaults, in the words of JSON.

        It is for vLLM's `--additional-config`, which is logged: a URL with a password in it is left out, since the same
        process finds it again where it was said.
        """
        secret = {key for key in SECRET if "@" in str(getattr(self, key))}
        return self.model_dump(mode="json", exclude_unset=True, exclude=secret)


@dataclass(frozen=True)
class Start:
    """What `unsay serve` was told. `rest` is vLLM's share of the command line, MODEL included."""

    settings: Settings
    rest: tuple[str, ...]


Kind = TypeVar("Kind", bound=ScorerSettings)


def parse(argv: Sequence[str]) -> Start:
    """Parse the words after `unsay`. Exit with status 2 and one line on a wrong word of ours."""
    known, rest = parser().parse_known_args(argv)
    said = {key: value for key, value in vars(known).items() if key != "command"}
    return Start(configured(Settings, said, environment()), tuple(rest))


def scorer_settings(known: argparse.Namespace) -> ScorerSettings:
    """Return what was said with the options of `add_scorer`, and elsewhere."""
    said = {key: value for key, value in vars(known).items() if key in ScorerSettings.model_fields}
    return configured(ScorerSettings, said, environment())


def configured(kind: type[Kind], given: object, environment: Mapping[str, str]) -> Kind:
    """Return the settings of a start that was given these. StartError for what does not fit, or an unreadable file."""
    if not isinstance(given, dict):
        raise StartError(f"--additional-config: {KEY}: {mismatch(given, 'an object')}")
    near = {key: value for key, value in given.items() if key != FILE}
    for key in SECRET:
        if "@" in str(near.get(key, "")):
            raise StartError(
                f"{KEY}.{key}: others can read a password here; say it as {_variable(key)},"
                f" or in the file that {_variable(FILE)} names"
            )
    variables = {
        name: environment[_variable(name)] for name in kind.model_fields if environment.get(_variable(name), "")
    }
    file = given.get(FILE) or environment.get(_variable(FILE)) or None
    far = {} if file is None else _read(Path(str(file)), kind)
    try:
        return fit(kind, {**far, **variables, **near})
    except Misfit as misfit:
        key = misfit.path[0]
        raise StartError(f"{_origin(key, near, variables, file)}: {misfit.problem}") from None


def scorer_variables(settings: ScorerSettings) -> dict[str, str]:
    """Return the variables that say to another process what these settings say of the scorer."""
    said = {key: getattr(settings, key) for key in ScorerSettings.model_fields}
    return {_variable(key): "none" if value is None else str(value) for key, value in said.items()}


def _variable(key: str) -> str:
    return _PREFIX + key.upper()


def _read(file: Path, kind: type[ScorerSettings]) -> dict[str, object]:
    """Return what a file says, without what is for a whole server where only a scorer is asked for."""
    found = document.read(file, "keys and values (docs/plugin.md)", private=True)
    if not isinstance(found, dict):
        raise StartError(f"{file}: {mismatch(found, 'an object')}")
    others = Settings.model_fields.keys() - kind.model_fields.keys()
    return {key: value for key, value in found.items() if key not in others}


def _origin(key: str, near: Mapping[str, object], variables: Mapping[str, object], file: object) -> str:
    """Name a key as the operator has said it."""
    if key in near:
        return f"{KEY}.{key}"
    return _variable(key) if key in variables else f"{file}: {key}"
