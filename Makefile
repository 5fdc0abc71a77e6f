# make compare   set up, train by three methods, write outputs/
# make test      set up, run every test
# make coverage  the same tests, with branch coverage, which takes longer
# make check     lint, types, layers
# make bench     the speed claims, as ratios, into benchmarks/results.md (about 11 minutes)
# make mutants   small changes of the code, one at a time: do the tests notice? Goes on where it was broken off
# make messages  gather the texts for the catalogue of Chinese, and compile it (LOCALE=fr: of French)
# make docs      the site, into build/docs, and in Chinese into build/docs/zh
# make clean     remove what the above made, except outputs/
#
# TORCH_INDEX=<address>  an extra package index for pip, e.g. the one with PyTorch's CPU build

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.stamp
BENCH  := $(VENV)/.stamp-bench
MUTANT := $(VENV)/.stamp-mutants
DOCS   := $(VENV)/.stamp-docs
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
          $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: compare test coverage check bench mutants messages docs clean
compare: $(STAMP)
	$(BIN)/python -m bpcompare

test coverage: $(STAMP)  # one process a core, and so one thread each; what is compiled once serves every process
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal \
	    $(if $(filter coverage,$@),--cov --cov-report=term)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BENCH)
	$(BIN)/python benchmarks/measure.py

ROOMS ?=
mutants: $(MUTANT)  # ROOMS="theory race" tries only those; hours for all; the page is written anew at the end
	$(BIN)/python mutants/run.py $(ROOMS)
	$(BIN)/python mutants/page.py

LOCALE    ?= zh_CN
CATALOGUE := bpcompare/locale/$(LOCALE)/LC_MESSAGES/bpcompare
messages: $(STAMP)  # a text that has no translation is shown in English, and a test names it
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml -k N_ --no-wrap --add-location=file --sort-by-file --project=bpcompare \
	    --version="" --msgid-bugs-address="" --copyright-holder=bpcompare -o build/bpcompare.pot .
	[ -e $(CATALOGUE).po ] || $(BIN)/pybabel -q init --no-wrap -l $(LOCALE) -i build/bpcompare.pot -o $(CATALOGUE).po
	$(BIN)/pybabel -q update -N --no-wrap --ignore-obsolete --ignore-pot-creation-date -l $(LOCALE) -i build/bpcompare.pot -o $(CATALOGUE).po
	$(BIN)/pybabel -q compile -i $(CATALOGUE).po -o $(CATALOGUE).mo

docs: $(DOCS)  # a warning is an error
	$(BIN)/python -m sphinx -q -W -b gettext -D nb_execution_mode=off docs build/gettext
	$(BIN)/python docs/catalogues.py build/gettext
	$(BIN)/python -m sphinx -W --keep-going docs build/docs
	$(BIN)/python -m sphinx -W --keep-going -D language=zh_CN docs build/docs/zh
	$(BIN)/python docs/check_links.py build/docs

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	@touch $@

$(BENCH): $(STAMP)
	$(PIP) -e '.[bench]'
	@touch $@

$(MUTANT): $(STAMP)
	$(PIP) -e '.[mutants]'
	@touch $@

$(DOCS): $(STAMP)
	$(PIP) -e '.[docs]'
	@touch $@

clean:
	git clean -fdXq docs 2>/dev/null || true
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +
