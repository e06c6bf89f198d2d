"""What runs inside vLLM's engine. It knows one minor version of vLLM from within, and nothing of `generation`."""
