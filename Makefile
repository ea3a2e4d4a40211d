# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := var/demo

SCHEDULER_LISTEN ?= 127.0.0.1:8000
SCHEDULER_BASE_URL ?= http://$(SCHEDULER_LISTEN)

# what Python has compiled is kept, whatever the shell says: the tests start many processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo serve test check chaos chaos-quick interop bench format lock messages manual clean

# the main job on the real programme, played on a virtual clock into local mailboxes
demo: $(READY)
	$(BIN)/python -m scheduler.cli.demo $(DEMO)

# the service itself on this machine: SQLite and a mailbox in var/, pages and feeds on $(SCHEDULER_LISTEN)
serve: export SCHEDULER_LISTEN := $(SCHEDULER_LISTEN)
serve: export SCHEDULER_BASE_URL := $(SCHEDULER_BASE_URL)
serve: $(READY)
	exec $(BIN)/scheduler serve

# types and lint are apart (`make check`)
test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# the virtual environment, from the lock file; made again only when the lock or the project file changes
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# kills, lies, outages, clock changes and edits at the worst moment, on real services; writes what became of them
# into docs/chaos.md (an hour, or `make chaos-quick` in ten minutes). Before it the slow tests, such as years of
# random edits, looked at from the calendars of all cities
chaos: $(READY)
	$(BIN)/python -m pytest -m chaos
	$(BIN)/python -m chaos --write docs/chaos.md

chaos-quick: $(READY)
	$(BIN)/python -m chaos --quick

# what programs of others make of us: the pages in a real browser, the calendars in three more readers; what
# is not installed is skipped, with a sentence that says how to get it
interop: $(READY)
	@mkdir -p var/interop && cp tests/interop/package.json var/interop/
	@! command -v npm > /dev/null || npm install --prefix var/interop --no-package-lock --ignore-scripts \
	  --no-audit --no-fund --loglevel=error || true
	$(BIN)/python -m pytest -rs -m interop

# how long the commands take at two sizes ten times apart, beside a reference; on a quiet machine
bench: $(READY)
	$(BIN)/python -m bench

# versions with hashes, for every Python from 3.11 on, without the address of any registry (needs uv)
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# the texts that translators work from
messages: $(READY)
	$(BIN)/pybabel -q extract -F babel.cfg -k say -k say_many:1,2 -c NOTE: --no-location \
	  --project=scheduler --copyright-holder="the authors of scheduler" \
	  -o scheduler/locale/scheduler.pot .

# the schemas in config/schema, and the lists of keys at the head of each file of config
manual: $(READY)
	$(BIN)/python -m scheduler.cli.manual config

clean:
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
