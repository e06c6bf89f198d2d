"""What runs inside vLLM's engine, in its processes: the part that knows a minor version of vLLM from within.

It imports vLLM and itself, and nothing else of ours: whatever it knows of a request travels with the request
(changes.py). Into a vLLM that is not of `SUPPORTED` nothing of this is put: the guard works all the same, and rewinds
are resubmissions (../drafting/resubmit.py).

Porting to a new minor version
0. Ask the canary, `make canary VLLM=...`: it needs no build for this machine, and says what 2. will.
1. Raise the pins (pyproject.toml, requirements/cpu.in, then `make lock`; torch in setup.sh and Dockerfile where vLLM
   asks for another one) and install. Leave `SUPPORTED` as it is. Where there is no build for this machine, go on with
   the canary's folder in front of PYTHONPATH, as tests/canary/__main__.py has it.
2. Ask the tests that speak. tests/engine/test_vllm_names.py names every import that has moved, one test for each;
   tests/engine/test_vllm_interfaces.py what vLLM's server is handed and hands over;
   tests/engine/core/test_vllm_internals.py every signature, attribute and status that this folder leans on.
3. Read what they cannot see. Left what is ours, right what it was written against, in vLLM's own tree:
       arming.py      config/ (whatever has been added there and draws, drops or moves tokens is one more obstacle)
       utility.py     v1/engine/core.py, v1/engine/core_client.py
       interrupts.py  v1/engine/core.py and v1/executor/multiproc_executor.py (signal handlers)
       scheduler.py   v1/core/sched/scheduler.py, v1/core/sched/async_scheduler.py, v1/request.py
       grammar.py     v1/structured_output/
       worker.py      v1/worker/gpu_model_runner.py, v1/worker/gpu_input_batch.py, v1/worker/worker_base.py
       bias_v1.py     v1/sample/logits_processor/, v1/sample/sampler.py (what comes before and after)
       bias_v2.py     v1/worker/gpu/sample/
   bias.py and changes.py know no vLLM. Outside this folder: ../launcher.py, ../moved.py, ../several.py (and
   ../../siblings.py, ../../stopping.py: entrypoints/launchers/, entrypoints/cli/serve.py, v1/utils.py),
   ../plugged.py (engine/arg_utils.py, v1/engine/async_llm.py), ../watched.py
   (v1/engine/async_llm.py), ../stored.py (entrypoints/openai/responses/), ../client.py (engine/protocol.py,
   entrypoints/generate/beam_search/), ../scripted_client.py (v1/engine/input_processor.py), ../upstream/ (the same,
   v1/engine/logprobs.py, entrypoints/scale_out/token_in_token_out/, entrypoints/launchers/render/),
   ../drafting/detokenize.py (v1/engine/detokenizer.py), ../quiet.py (messages), ../../settings.py (environment
   variables).
   The questions: can a request still leave the batch as a preempted one does, and is what it has in flight dropped
   then? What else is kept of a request's tokens, and by whom? Are utilities still called between steps?
4. Bring tests/engine/core/simulation.py in step with what its toy workers mirror, and put the version into `SUPPORTED`:
   beside the old one only if the code serves both. Then tests/engine/core/test_scheduler.py rewinds at random within
   vLLM's own scheduler, test_grammar_backends.py its grammars, and with the real engine
   tests/engine/drafting/test_contract.py and tests/journeys/test_exact_*.py hold answers against ones that were never
   rewound.
5. Say so in CHANGELOG.md, README.md, docs/operations.md and docs/decisions/0014-exact-rewind-inside-the-engine.md.
"""

SUPPORTED = ("0.32.", "0.33.")
"""Beginnings of the versions that this folder was read and tested against."""
