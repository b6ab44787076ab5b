# make run, make test: everything from a machine that has only Python and make.
# Safe to repeat and to interrupt: what is already there is kept, what is half done is done again.

VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile $(if $(TUNEBOARD_NO_SKIPS),-p tests.plugins.no_skips)
PYTHONS := python3.13 python3.12 python3.11 python3 python
IS_SUITABLE := import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test types tests fast soak bench bench-quick bench-pages bench-trust format clean

help:
	@echo "make run          start the app and its worker   (PORT=8600 picks another port)"
	@echo "make test         run every check and every test"
	@echo "make fast         run the tests that take no time"
	@echo "make soak         kill and starve searches at length: 200 kills, outages of 30 s"
	@echo "make bench        compare with scikit-learn, KerasTuner and Optuna: hours; repeat it to go on"
	@echo "make bench-quick  the same with two recipes, cut for both sides: minutes"
	@echo "make bench-pages  measure the pages over a study of 10,000 trials, with 20 viewers: ten minutes"
	@echo "make bench-trust  count how often verdicts and intervals are right: a quarter of an hour"
	@echo "make format       put the code into its usual form"
	@echo "make clean        remove the environment and the caches"

run: $(VENV)/.app-installed
	@exec $(BIN)/streamlit run app.py $(if $(PORT),--server.port=$(PORT))

# The shared dataset files, where there are some and no other folder is named.
ifeq ($(origin TUNEBOARD_DATASETS),undefined)
ifneq ($(wildcard ../shared/datasets),)
test tests fast soak bench bench-quick bench-pages bench-trust: export TUNEBOARD_DATASETS := $(abspath ../shared/datasets)
endif
endif

# mypy takes a minute of one core on a fresh machine; tests leave it some of that.
test: $(VENV)/.dev-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory --jobs=2 types tests

types: $(VENV)/.dev-installed
	$(BIN)/mypy

tests: $(VENV)/.dev-installed
	$(PYTEST) --no-loadscope-reorder

fast: $(VENV)/.dev-installed
	$(PYTEST) -m "not slow and not browser"

soak: $(VENV)/.dev-installed
	TUNEBOARD_TEST_KILLS=200 TUNEBOARD_TEST_OUTAGE_S=30 TUNEBOARD_TEST_FULL=1 \
		TUNEBOARD_TEST_EXAMPLES=10000 \
		$(BIN)/python -m pytest tests/faults tests/execution tests/training tests/benchmarks \
		tests/sampling tests/export tests/browser tests/datasets \
		tests/test_driver.py tests/test_worker.py tests/test_secrecy.py tests/test_image.py

bench: $(VENV)/.dev-installed
	$(BIN)/python -m benchmarks.peers --resume

bench-quick: $(VENV)/.dev-installed
	rm -f build/benchmarks-quick.json
	$(BIN)/python -m benchmarks.peers --quick

bench-trust: $(VENV)/.dev-installed
	$(BIN)/python -m benchmarks.trust --write

bench-pages: $(VENV)/.dev-installed
	$(BIN)/python -m benchmarks.pages --write

format: $(VENV)/.dev-installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose Python is gone, or that was never finished, counts as missing.
ifneq ($(shell $(BIN)/python -m pip --version >/dev/null 2>&1 && echo works),works)
.PHONY: $(BIN)/activate
endif

$(BIN)/activate:
	@for python in $(PYTHON) $(PYTHONS); do \
		if "$$python" -c '$(IS_SUITABLE)' 2>/dev/null; then \
			echo "Creating $(VENV) with $$("$$python" --version)."; \
			exec "$$python" -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "Tuneboard needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found." \
		"Install one (on Debian: apt-get install python3 python3-venv)," \
		"or name it: make PYTHON=/path/to/python3.13." >&2; \
	exit 1

$(VENV)/.app-installed: $(BIN)/activate requirements.txt
	@echo "Installing what requirements.txt names; the first time takes a minute or two."
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.app-installed requirements-dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements-dev.txt
	@touch $@
