# shellcheck shell=bash
# Sourced by the set-up scripts: install Debian packages when this account may.

# can_install: is there an apt-get, and are we root or allowed to become root without a password?
can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# as_root COMMAND…: run it as root, without ever asking for a password.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# apt_install PACKAGE…: install them, after one refresh of the lists.
apt_install() {
  echo "→ Installation de paquets Debian : $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
