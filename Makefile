# `make demo` and `make test` are all that a newcomer needs: each installs what it lacks.

VENV ?= .venv
BIN := $(VENV)/bin
CONFIG ?= sage-mail.toml
export SAGE_VENV := $(VENV)
# A notice of the theme about its successor, which is no finding of ours.
export NO_MKDOCS_2_WARNING := 1

.PHONY: help demo run test check bench eval fuzz docs clean

help: ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 14

demo: ## the whole system on an embedded mail server, live in the terminal and on a web page
	@tools/environment.sh
	@$(BIN)/sage-mail demo $(ARGS)

run: ## the system on your own mailboxes (CONFIG=sage-mail.toml)
	@tools/environment.sh
	@$(BIN)/sage-mail run --config $(CONFIG)

test: ## every test, against a real Dovecot and a real PostgreSQL
	@tools/environment.sh services
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadgroup $(ARGS)

check: ## formatting, lint, types, import boundaries, documentation
	@tools/environment.sh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --quiet --strict --site-dir build/site

bench: ## measurements, by hand; the library beside its peers first
	@tools/environment.sh services
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	$(BIN)/python bench/library.py $(ARGS)
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/routing_accuracy.py
	$(BIN)/python bench/storage.py
	$(BIN)/python bench/feed.py
	$(BIN)/python bench/latency.py
	$(BIN)/python bench/pipeline.py
	$(BIN)/python bench/attachments.py

fuzz: ## what reads a stranger's octets, ten minutes a target (ARGS="envelope --seconds 60")
	@tools/environment.sh
	$(BIN)/python -m fuzz $(ARGS)

eval: ## accuracy on real mail, written into docs/explanation/accuracy.md
	@tools/environment.sh services
	$(BIN)/python bench/evaluate.py

docs: ## the documentation on http://127.0.0.1:8000
	@tools/environment.sh
	$(BIN)/mkdocs serve

clean: ## remove everything that the other verbs made
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
