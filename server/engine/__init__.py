"""The engines. The only folder that imports vllm; every name taken from it stands in tests/engine/test_vllm_names.py."""
