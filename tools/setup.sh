#!/usr/bin/env bash
# setup.sh base|dev: create .venv, install exactly what the lock names, then the project itself (editable).
# Does nothing when .venv already stands as the lock, pyproject.toml and this folder say.
# Needs python3 only; uv, when it is there, goes faster (USE_UV=0 leaves it aside).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/apt.sh
source tools/apt.sh

kind=${1:-base}

say() { echo "→ $*"; }
stop() {
  printf 'Installation interrompue : %s\n' "$1" >&2
  exit 1
}

# fingerprint KIND: what .venv must have been made from. The folder counts: an environment cannot be moved.
fingerprint() { { cat "$1.lock" pyproject.toml && pwd; } | cksum; }

is_ready() { [ -x .venv/bin/pertimage ] && [ "$(cat ".venv/.$1-ready" 2>/dev/null)" = "$(fingerprint "$1")" ]; }

has_uv() { [ "${USE_UV:-1}" = 1 ] && uv --version >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  stop "il faut Python 3.11 ou plus récent (commande python3). Installez-le, ou donnez son chemin : make setup PYTHON=/chemin/vers/python3"
}

create_environment() {
  local python version
  python=$(find_python)
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  say "Environnement Python $version dans .venv"
  if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv --clear .venv
  elif has_uv; then
    uv venv --quiet --clear --seed --python "$python" .venv
  elif can_install; then
    apt_install "python$version-venv"
    "$python" -m venv --clear .venv
  else
    stop "ce Python ne sait pas créer d'environnement. Sous Debian ou Ubuntu : sudo apt-get install python$version-venv, puis recommencez."
  fi
}

install_lock() {
  say "Installation de ce que nomme $1 (une minute environ la première fois)"
  if has_uv && uv pip install --quiet --python .venv/bin/python --require-hashes -r "$1"; then return; fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1" ||
    stop "pip n'a pas pu installer $1 : voir le message ci-dessus (réseau, miroir ou droits)."
}

install_project() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

case $kind in base | dev) ;; *) stop "« $kind » n'est ni base ni dev." ;; esac
if is_ready dev || is_ready "$kind"; then exit 0; fi
# A shebang of another folder means a copied environment: start again.
if [ "$(head -n 1 .venv/bin/pip 2>/dev/null)" != "#!$PWD/.venv/bin/python" ] &&
  [ "$(head -n 1 .venv/bin/pip 2>/dev/null)" != "#!$PWD/.venv/bin/python3" ]; then
  create_environment
fi
install_lock "$kind.lock"
install_project
fingerprint "$kind" >".venv/.$kind-ready"
say "Prêt : .venv/bin/pertimage"
