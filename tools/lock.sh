#!/usr/bin/env bash
# Resolve pyproject.toml into the two locks, with hashes and without the address of any registry.
# dev.lock first; base.lock is held to its versions, so that what runs is what was tested.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! uv --version >/dev/null 2>&1; then
  echo "make lock demande uv, qui n'est pas installé : pip install uv (ou pipx install uv), puis recommencez." >&2
  exit 1
fi
common=(pip compile --quiet --generate-hashes --no-emit-index-url --universal --no-annotate --custom-compile-command "make lock" pyproject.toml)
uv "${common[@]}" --group dev --output-file dev.lock "$@"
uv "${common[@]}" --group build --constraints dev.lock --output-file base.lock "$@"
