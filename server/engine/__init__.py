"""The engines. The only folder that imports vllm; tests/engine/test_vllm_names.py holds every name taken from it."""
