VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# The TensorFlow wheel, cpu or gpu; once chosen it stays, until `make install GPU=1` or `GPU=0`.
BACKEND := $(if $(GPU),$(if $(filter 0,$(GPU)),cpu,gpu),$(or $(shell cat $(VENV)/backend 2>/dev/null),cpu))
OTHER := $(if $(filter cpu,$(BACKEND)),tensorflow,tensorflow-cpu)
USE := $(VENV)/installed-$(BACKEND)
DEV := $(VENV)/installed-$(BACKEND)-dev
# Worker processes of `make test`; 0 runs the tests in one.
JOBS ?= auto

export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help install demo demo-landmarks demo-plates test lint format bench clean

help:  ## this list
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

install: $(DEV)  ## .venv with everything for development (GPU=1: TensorFlow with CUDA)

demo: $(USE)  ## draw cars, train on them, predict: one command, no network after installation
	$(PY) -m carclf.synth --to demo/cars
	$(PY) -m carclf.train demo --data demo/cars --runs demo/runs -n demo
	$(PY) -m carclf.predict demo/runs/demo demo/cars/test_upload --submission demo/submission.csv --truth demo/cars/test_solution.csv
	$(PY) -m carclf.evaluate demo/runs/demo --data demo/cars

demo-landmarks: $(USE)  ## the same with drawn faces and their points
	$(PY) -m landmarks.synth --to demo/faces
	$(PY) -m landmarks.train demo --data demo/faces --runs demo/runs -n landmarks
	$(PY) -m landmarks.predict demo/runs/landmarks demo/faces/test/test_points.csv --submission demo/landmarks.csv --truth demo/faces/test/solution.csv
	$(PY) -m landmarks.evaluate demo/runs/landmarks --data demo/faces

demo-plates: $(USE)  ## the same with drawn number plates
	$(PY) -m plates.synth --to demo/plates --kinds ru,ru2 --crops 1500 --test-crops 300 --scenes 120 --test-scenes 24
	$(PY) -m plates.reader.train demo --data demo/plates/train_recognition.json --runs demo/runs -n plates
	$(PY) -m plates.reader.predict demo/runs/plates demo/plates/test_crops --to demo/plates.csv
	$(PY) -m plates.reader.evaluate demo/runs/plates --data demo/plates/test_recognition.json --side all
	$(PY) -m plates.detector.train demo --data demo/plates --runs demo/runs -n detector
	$(PY) -m plates.predict demo/plates/sample_submission.csv --detector demo/runs/detector --reader demo/runs/plates --to demo/found --submission demo/found.csv
	$(PY) -m plates.evaluate --data demo/plates/test.json --side all --detector demo/runs/detector --reader demo/runs/plates --to demo/both

test: lint  ## every check: format, lint, import contracts, types, tests
	$(PY) -m pytest -q -n $(JOBS)
	KERAS_BACKEND=jax $(PY) -m pytest -q -n $(JOBS) tests/callbacks --ignore tests/callbacks/test_readme.py
	KERAS_BACKEND=torch $(PY) -m pytest -q -n $(JOBS) tests/callbacks --ignore tests/callbacks/test_readme.py

lint: $(DEV)  ## the checks that run nothing
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(VENV)/bin/lint-imports --no-logo --config setup.cfg
	$(PY) -m mypy

format: $(DEV)  ## lay out the code as `make lint` wants it
	$(PY) -m ruff check --quiet --fix .
	$(PY) -m ruff format .

bench: $(DEV)  ## what is measured, and against whom
	$(PIP) install -qq -e '.[bench]'
	for bench in $(basename $(notdir $(wildcard benchmarks/*.py))); do \
	    echo "== $$bench"; $(PY) -m benchmarks.$$bench || exit 1; done

clean:  ## caches and the demo; runs/ and .venv stay
	rm -rf demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(PY):
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	[ -n "$$python" ] || { echo "make: Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }; \
	"$$python" -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "make: $$python has no venv module; on Debian: apt install python3-venv" >&2; exit 1; }

# `cpu` and `gpu` overwrite each other's files, so the other one leaves first.
define install
	@echo "installing .[$(1)] into $(VENV): a few minutes the first time"
	@if [ "$$(cat $(VENV)/backend 2>/dev/null)" != $(BACKEND) ]; then \
	    $(PIP) uninstall --quiet --yes $(OTHER) 2>/dev/null; rm -f $(VENV)/installed-*; fi
	@$(PIP) install -qq -e '.[$(1)]'
	@echo $(BACKEND) > $(VENV)/backend
endef

$(USE): setup.cfg | $(PY)
	$(call install,$(BACKEND))
	@touch $@

$(DEV): setup.cfg | $(PY)
	$(call install,$(BACKEND)$(comma)dev)
	@touch $(USE) $@

comma := ,
