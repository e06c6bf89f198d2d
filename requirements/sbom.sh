#!/usr/bin/env bash
# Writes what the CPU image is made of as CycloneDX, with hashes, and checks it: ./requirements/sbom.sh CYCLONEDX_PY FILE
# It is derived from the lock files and setup.sh's torch, and is the same file whenever they are the same.
set -euo pipefail
cyclonedx=${1:?usage: ./requirements/sbom.sh CYCLONEDX_PY FILE}
file=$(realpath -m "${2:?usage: ./requirements/sbom.sh CYCLONEDX_PY FILE}")
cd "$(dirname "$0")/.."
mkdir -p "$(dirname "$file")"
# It warns that no package is said to need another one: a lock file does not tell.
{ grep -om 1 'torch==[0-9a-z.+]*' setup.sh; cat requirements/cpu.lock requirements/voice.lock; } |
    PYTHONWARNINGS=ignore::UserWarning "$cyclonedx" requirements --pyproject pyproject.toml --output-reproducible \
        --validate --output-file "$file" -
echo "[unsay] $file"
