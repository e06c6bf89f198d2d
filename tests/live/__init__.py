"""Real servers for the tests: plain vLLM's and ours, over one engine."""
