# Makes the checkout's own Python environment from a lock file; sourced by ./run, ./test and scripts/.
# Sets $python. Uses uv when it is there, else venv and pip.
# Nothing is taken from the folder that the caller stands in: neither programs, by a PATH with "." in it, nor
# Python modules (-I leaves out the folder and the caller's PYTHON* settings).

absolute_folders() {
    (
        set -f
        IFS=:
        kept=
        for folder in $1; do
            case $folder in /*) kept="${kept:+$kept:}$folder" ;; esac
        done
        printf '%s\n' "${kept:-/usr/local/bin:/usr/bin:/bin}"
    )
}

PATH=$(absolute_folders "${PATH:-}")
export PATH

fail() {
    printf '%s\n' "$1" >&2
    exit 2
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
        if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# make_environment LOCK [FOLDER]: .venv, unless another folder is named.
make_environment() {
    lock="$here/requirements/$1.txt"
    environment="$here/${2:-.venv}"
    mark="$environment/.installed-$1"
    python="$environment/bin/python"
    if [ -f "$mark" ] && cmp -s "$lock" "$mark" && "$python" -I -c '' 2>/dev/null; then
        return 0
    fi
    system=$(find_python) || fail "device-console needs Python 3.11 or newer: install python3, then run this again."
    printf 'Preparing the environment in %s (once; %s packages) ...\n' "${environment##*/}" "$(grep -c '^[a-z]' "$lock")" >&2
    if ! "$python" -I -c '' 2>/dev/null; then
        rm -rf "$environment"
        if command -v uv >/dev/null 2>&1; then
            uv --directory "$here" venv --quiet --python "$system" "$environment"
        else
            "$system" -I -c 'import ensurepip, venv' 2>/dev/null ||
                fail "This Python ($system) lacks venv: install the package that brings it (Debian and Ubuntu: apt-get install python3-venv), then run this again."
            "$system" -I -m venv "$environment"
        fi
    fi
    if command -v uv >/dev/null 2>&1; then
        uv --directory "$here" pip install --quiet --python "$python" --require-hashes -r "$lock"
    else
        "$python" -I -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    fi || fail "The packages could not be installed: check the network, then run this again."
    cp "$lock" "$mark"
}
