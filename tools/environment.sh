#!/usr/bin/env bash
# Makes the project's virtual environment and keeps it true to pyproject.toml.
#
#   tools/environment.sh            the environment alone (.venv, every extra and the developers' tools)
#   tools/environment.sh services   ... and, for the tests, dovecot-imapd, postgresql, poppler-utils and
#                                    chromium by apt
#
# Needs Python 3.11 or later. On Debian as root or with sudo it installs what is missing by apt.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${SAGE_VENV:-.venv}
stamp=$venv/.sage-environment

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else return 1; fi
}

# Debian starts a freshly installed service at once, on its own ports and with its own
# configuration. The tests start their own; so no service is started while we install.
install_packages() {
    command -v apt-get >/dev/null || { say "please install by hand: $*"; return 1; }
    say "installing $* by apt"
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"; return
        fi
    done
    return 1
}

make_venv() {
    local python
    python=$(find_python) || { install_packages python3 python3-venv && python=$(find_python); } ||
        { say "Python 3.11 or later is needed; set PYTHON to it"; exit 1; }
    "$python" -m venv "$venv" 2>/dev/null && return
    rm -rf "$venv"
    install_packages python3-venv && "$python" -m venv "$venv"
}

wanted() { sha256sum pyproject.toml tools/environment.sh | sha256sum; }

install_project() {
    [ -x "$venv/bin/python" ] || make_venv
    [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ] && return
    say "installing the project and its tools into $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[all,dev]'
    wanted >"$stamp"
}

install_services() {
    local missing=()
    [ -x /usr/sbin/dovecot ] || missing+=(dovecot-imapd)
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
    command -v pdftoppm >/dev/null || missing+=(poppler-utils)
    command -v chromium >/dev/null || missing+=(chromium)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

install_project
[ "${1:-}" != services ] || install_services
