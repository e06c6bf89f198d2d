#!/usr/bin/env bash
# Writes the lock files anew from the .in files beside them (needs uv). Universal: one file for Python 3.11 to 3.14.
# That of the GPU image is for its Python alone, with all that pyproject.toml's extra `gpu` brings.
set -euo pipefail
cd "$(dirname "$0")"
common=(--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet)
left_out=(torch torchvision torchaudio torchcodec triton)
uv pip compile cpu.in --overrides cpu.overrides "${common[@]}" "${left_out[@]/#/--no-emit-package=}" -o cpu.lock
sed -i '/^# The following packages were excluded/,$d' cpu.lock
uv pip compile ../pyproject.toml --extra gpu --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
    --generate-hashes --no-header --no-annotate --quiet -o gpu.lock
uv pip compile dev.in --constraints cpu.lock "${common[@]}" -o dev.lock
uv pip compile clients.in --no-deps "${common[@]}" >> dev.lock
