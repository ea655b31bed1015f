# The two commands of the README are `make demo` and `make test`; both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What ran on Linux only is said in the README; on Windows use `pip install .` and `kneeledger demo`.

.PHONY: demo test check slow bench pictures audit fixtures clean

$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.developed: $(VENV)/.installed requirements-dev.lock
	$(BIN)/pip install --quiet -r requirements-dev.lock
	touch $@

demo: $(VENV)/.installed  ## the main job on the made-up export
	$(BIN)/kneeledger pain import fixtures/export/pain-log.csv --ledger demo-ledger
	$(BIN)/kneeledger report fixtures/export --ledger demo-ledger -o demo-report --format html
	@echo "Open demo-report/index.html in a browser."

test: $(VENV)/.developed  ## the tests, without the slow ones and the browser
	$(BIN)/pytest -n 2

check: $(VENV)/.developed  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

slow: $(VENV)/.developed  ## fuzzing, kills, soaks, whole corpus; needs Chromium for the browser tests
	$(BIN)/pytest -n 2 --dist worksteal -o timeout=2400 -m "slow or browser"

bench: $(VENV)/.developed  ## benchmarks against peers, ratios in one run
	$(BIN)/pip install --quiet --group bench
	$(BIN)/pytest tests/bench --benchmark-only -p no:xdist -m "not browser" -s

pictures: $(VENV)/.developed  ## the README's pictures, from the made-up export
	$(BIN)/python fixtures/make_pictures.py

# An error: a licence that asks more than naming it, or none; a known vulnerability; a package that the public
# database was not asked about (--strict: without it, no answer reads as no vulnerability).
audit: $(VENV)/.installed  ## licences and known vulnerabilities of what is locked
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/pip install --quiet --upgrade "pip>=25.1"
	$(VENV)-audit/bin/pip install --quiet --group audit
	$(VENV)-audit/bin/pip-licenses --python=$(BIN)/python --order=license \
	  --packages $$(sed -n 's/==.*//p' requirements.lock) \
	  --partial-match --fail-on="GPL;GNU;SSPL;Commons Clause;UNKNOWN"
	$(VENV)-audit/bin/pip-audit --strict -r requirements.lock -r requirements-dev.lock --disable-pip --no-deps

fixtures: $(VENV)/.developed  ## make the made-up export again, byte for byte
	$(BIN)/python fixtures/make_export.py

clean:
	rm -rf $(VENV) demo-ledger demo-report
