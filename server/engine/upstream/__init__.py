"""An engine client over HTTP: tokens come from vLLM servers elsewhere, and this process has neither weights nor GPU.

Decision 32 says why it is made so, docs/upstream.md how it is run. The parts, from the wire up:
`asking.py` and `reading.py` (what vLLM's `/inference/v1/generate` is sent and says), `link.py` (one upstream),
`fleet.py` (which one, and how well each is), `client.py` (what vLLM's own server gets in place of an engine),
`configuration.py` (its configuration, without an engine).
"""
