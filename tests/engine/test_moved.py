"""What has moved is found in the vLLM that is installed; where it would be in another, tests/canary looks."""

from server.engine import moved


def test_all_of_it_is_vllms() -> None:
    assert moved.__all__ == ["cli_env_setup", "make_arg_parser", "validate_parsed_serve_args"]
    assert all(getattr(moved, name).__module__.startswith("vllm.") for name in moved.__all__)
