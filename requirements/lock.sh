#!/usr/bin/env bash
# Writes the lock files anew from the .in files beside them (needs uv). Universal: one file for Python 3.11 to 3.14.
# Those of the GPU image are for its Python alone: gpu.lock has all that pyproject.toml's extra `gpu` brings, and
# gpu-EXTRA.lock what another extra brings besides.
set -euo pipefail
cd "$(dirname "$0")"
common=(--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet)
left_out=(torch torchvision torchaudio torchcodec triton)
uv pip compile cpu.in --overrides cpu.overrides "${common[@]}" "${left_out[@]/#/--no-emit-package=}" -o cpu.lock
sed -i '/^# The following packages were excluded/,$d' cpu.lock
uv pip compile ../pyproject.toml --extra gpu --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
    --generate-hashes --no-header --no-annotate --quiet -o gpu.lock
mapfile -t there < <(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package=\1/p' gpu.lock)
for extra in ray redis postgres; do
    uv pip compile ../pyproject.toml --extra gpu --extra "$extra" --constraints gpu.lock "${there[@]}" \
        --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
        --generate-hashes --no-header --no-annotate --quiet -o "gpu-$extra.lock"
done
uv pip compile dev.in --constraints cpu.lock "${common[@]}" -o dev.lock
uv pip compile clients.in --no-deps "${common[@]}" >> dev.lock
