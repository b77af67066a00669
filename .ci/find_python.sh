# find_python 3.12: where that Python is on this machine, also one of pyenv that is not on the PATH; sourced by other steps.
find_python() {
    local name=python$1 chosen
    if "$name" -c '' >/dev/null 2>&1; then
        command -v "$name"
    elif command -v pyenv >/dev/null && chosen=$(pyenv latest "$1" 2>/dev/null); then
        echo "$(pyenv prefix "$chosen")/bin/$name"
    else
        return 1
    fi
}
