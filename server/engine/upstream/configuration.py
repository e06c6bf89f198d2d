"""vLLM's configuration for a server without an engine: a model's tokenizer, its limits, and the parsers of its text."""

import argparse
import dataclasses

from vllm.config import ReasoningConfig, VllmConfig
from vllm.engine.arg_utils import AsyncEngineArgs

from server.errors import StartError


def without_engine(args: argparse.Namespace) -> VllmConfig:
    """Return the configuration of vLLM's arguments, as vLLM makes it for its own servers without an engine.

    StartError if there is no such model.
    """
    try:
        engine = AsyncEngineArgs.from_cli_args(args)
        model = engine.create_model_config()
        model.quantization = None  # whether a device can compute it is not asked of this one
        reasoning = engine.reasoning_config
        if engine.reasoning_parser:
            reasoning = reasoning or ReasoningConfig()
            reasoning.reasoning_parser = engine.reasoning_parser
        return VllmConfig(
            model_config=model,
            logging_config=engine.create_logging_config(),
            structured_outputs_config=engine.create_structured_outputs_config(),
            reasoning_config=reasoning,
            observability_config=engine.create_observability_config(),
            shutdown_timeout=engine.shutdown_timeout,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise StartError(f"model {args.model}: {error}") from error


_READ = frozenset(
    {
        *("model", "tokenizer", "tokenizer_mode", "trust_remote_code", "served_model_name", "max_model_len"),
        *("revision", "code_revision", "tokenizer_revision", "hf_token", "hf_overrides", "hf_config_path"),
        *("config_format", "generation_config", "override_generation_config", "max_logprobs", "renderer_num_workers"),
        *("reasoning_parser", "reasoning_parser_plugin", "reasoning_config", "structured_outputs_config"),
        *("additional_config", "logging_config", "log_level", "log_config_file", "shutdown_timeout"),
        *("enable_log_requests", "disable_log_stats", "dtype", "seed"),
    }
)
"""What of an engine's arguments counts without one."""


def refuse_engine_flags(args: argparse.Namespace, silent: argparse.Namespace) -> None:
    """StartError for what is said of an engine that is elsewhere. `silent`: the arguments where nothing is said."""
    elsewhere = {field.name for field in dataclasses.fields(AsyncEngineArgs)} - _READ | {"lora_modules"}
    for name in sorted(elsewhere):
        if getattr(args, name, None) != getattr(silent, name, None):
            flag = name.replace("_", "-")
            raise StartError(f"--{flag}: nothing is computed here: say it to the upstreams, and leave it out")
    if not (args.model_tag or args.model):
        raise StartError("--upstream: name MODEL, which the upstreams serve: its tokenizer is needed here")
