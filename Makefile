# « make » ou « make help » : ce que l'on peut demander ici.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PORT ?= 8000
# Arguments de plus pour pytest : make test ARGS="-k lombalgie"
ARGS ?=
# Les tests d'un fichier vont à un même ouvrier ; un ouvrier par cœur, quatre au plus (PARALLELE= : un seul).
PARALLELE ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# make test PARTIEL=1 : sans Chromium ni PostgreSQL, les tests qui en ont besoin sont sautés, avec leur raison.
PARTIEL ?=
# Nombre d'exemples tirés par propriété : make fuzz EXEMPLES=20000
EXEMPLES ?= 2000
# make lock MAJ=1 : prendre les versions les plus récentes au lieu de garder celles du verrou.
MAJ ?=

BIN := .venv/bin

.PHONY: help setup setup-dev setup-tests run test check bench bench-relecture bench-import bench-evaluation fuzz oracle screenshots lock clean simulations

help: ## affiche cette aide
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## prépare .venv (Python 3.11 ou plus récent) ; ne fait rien si c'est déjà fait
	@tools/setup.sh base

setup-dev:
	@tools/setup.sh dev

setup-tests: setup-dev
	@PARTIEL=$(PARTIEL) tools/test-setup.sh

run: setup var/demo.db ## démarre la démonstration sur http://127.0.0.1:8000/ (autre port : PORT=8080)
	@echo "→ Ouvrez http://127.0.0.1:$(PORT)/ dans un navigateur (Ctrl-C pour arrêter)."
	@exec $(BIN)/pertimage serve --demo --port $(PORT)

var/demo.db: | setup
	@mkdir -p var && rm -f $@-wal $@-shm
	@echo "→ Demandes fictives de démonstration dans $@ (une fois)."
	@$(BIN)/pertimage demo --database $@

test: setup-tests ## joue tous les tests (installe d'abord ce qu'il leur faut), après le tableau d'accord sur toutes les vignettes
	@missed=0; $(BIN)/pertimage guidelines score --avec-fiches tests/vignettes/*.yaml || missed=$$?; \
	$(BIN)/python -m pytest $(PARALLELE) $(ARGS); exit $$missed

check: setup-dev ## vérifie la mise en forme, les règles de style et les types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: setup-dev ## mesure les temps de réponse et les débits
	@$(BIN)/python -m bench

# make bench-relecture BASE=postgresql://… : sur une base PostgreSQL vide.
bench-relecture: setup-dev ## mesure la relecture avec 50 000 demandes à relire
	@$(BIN)/python -m bench.worklist $(if $(BASE),--database $(BASE))

# make bench-import BASE=postgresql://… : sur une base PostgreSQL vide.
bench-import: setup-dev ## mesure l'import d'un million de lignes d'activité
	@$(BIN)/python -m bench.imports $(if $(BASE),--database $(BASE))

# make bench-evaluation BASE=postgresql://… : sur une base PostgreSQL vide, à jeter ensuite.
bench-evaluation: setup-dev ## mesure la page d'évaluation sur dix millions d'examens (EXAMENS=1000000 : moins)
	@$(BIN)/python -m bench.dashboard $(if $(BASE),--database "$(BASE)") $(if $(EXAMENS),--exams $(EXAMENS))

# make simulations ARGS="--series 100 --vers essai.md" : un essai rapide, ailleurs.
simulations: setup-dev ## mesure les méthodes de l'évaluation sur des séries simulées et récrit docs/simulations.md (quelques minutes)
	@nice $(BIN)/python -m bench.simulations $(ARGS)

fuzz: setup-tests ## rejoue les propriétés sur beaucoup d'exemples tirés au hasard (EXEMPLES=2000)
	@FUZZ_EXAMPLES=$(EXEMPLES) $(BIN)/python -m pytest -m "hypothesis or fuzz" --hypothesis-profile=fuzz --timeout=0 $(ARGS)

.venv-oracle/bin/python: tests/oracle/requirements.txt
	@echo "→ edsnlp dans .venv-oracle (une fois, environ 600 Mo)."
	@rm -rf .venv-oracle && $(BIN)/python -m venv .venv-oracle && .venv-oracle/bin/python -m pip install --quiet -r $<

# make oracle MAJ=1 : récrire la liste des désaccords, une fois lus.
oracle: setup-dev .venv-oracle/bin/python ## compare la lecture des négations, doutes et antécédents avec edsnlp (installé à part)
	@ORACLE=1 $(if $(MAJ),MAJ=1) $(BIN)/python -m pytest -m oracle tests/oracle $(ARGS)

screenshots: setup-tests ## refait les captures d'écran de docs/images
	@$(BIN)/python tools/screenshots.py

lock: ## recalcule base.lock et dev.lock d'après pyproject.toml (demande uv ; MAJ=1 pour tout mettre à jour)
	@tools/lock.sh $(if $(MAJ),--upgrade)

clean: ## efface ce que les commandes ont fabriqué, sauf .venv et var/
	@rm -rf build dist src/*.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache tests/browser/node_modules
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
