#!/usr/bin/env bash
# Install what the tests need besides Python: a browser, a font, a PostgreSQL server (Debian packages) and axe-core (npm).
# Does nothing for what is already there. PARTIEL=1: go on without what cannot be installed; the tests that need it skip.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/apt.sh
source tools/apt.sh

say() { echo "→ $*"; }
stop_unless_partial() {
  printf '%s\n' "$1" >&2
  [ -n "${PARTIEL:-}" ] || exit 1
}

missing_packages() {
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || echo chromium
  [ -f /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || fc-list 2>/dev/null | grep -q DejaVuSans || echo fonts-dejavu-core
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || echo postgresql
}

install_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if can_install; then
    apt_install "${missing[@]}" || stop_unless_partial "L'installation de ${missing[*]} a échoué (voir ci-dessus)."
  else
    stop_unless_partial "Il manque aux tests : ${missing[*]}.
Sous Debian ou Ubuntu : sudo apt-get install ${missing[*]}
Ou, pour sauter les tests qui en ont besoin : make test PARTIEL=1"
  fi
}

# The version that package.json pins is the one on disk.
axe_is_there() {
  local pinned
  pinned=$(sed -n 's/.*"axe-core": "\(.*\)".*/\1/p' tests/browser/package.json)
  grep -qs "\"version\": \"$pinned\"" tests/browser/node_modules/axe-core/package.json
}

install_axe() {
  if axe_is_there; then return; fi
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    say "Node.js est absent : les tests d'accessibilité (axe-core) seront sautés."
    return
  fi
  say "Installation d'axe-core"
  (cd tests/browser && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
    stop_unless_partial "npm n'a pas pu installer axe-core (réseau ?). Pour sauter les tests d'accessibilité : make test PARTIEL=1"
}

install_packages
install_axe
