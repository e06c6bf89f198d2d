"""What faces vLLM's own API server; `drafting` is what drafts in our process, `core` what runs inside vLLM's engine.

The only folder that imports vllm; tests/engine/test_vllm_names.py holds every name taken from it.
"""
