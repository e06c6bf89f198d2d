#!/usr/bin/env bash
# Asks PyPI which advisories there are for what is locked: ./requirements/audit.sh PIP_AUDIT
# torch is asked for as the GPU image has it: the CPU's has the same version and no hash. Fails where there is one, and where PyPI had no answer for every package: what could not be asked has not passed.
set -euo pipefail
cd "$(dirname "$0")/.."
audit=${1:?usage: ./requirements/audit.sh PIP_AUDIT}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
found="$folder/found.json"
locks=()
for lock in requirements/*.lock; do
    locks+=(-r "$lock")
done
status=0
"$audit" --strict --require-hashes --disable-pip --progress-spinner off --format json --output "$found" \
    "${locks[@]}" 2>"$folder/said" || status=$?
if [ ! -s "$found" ]; then
    tail -n 1 "$folder/said" >&2
    echo "[unsay] nothing was audited: PyPI (https://pypi.org/pypi/NAME/VERSION/json) did not answer for every package" >&2
    exit 2
fi
grep -v '^WARNING' "$folder/said" >&2 || true
if [ "$status" != 0 ]; then
    python3 -c 'import json, sys
for package in json.load(open(sys.argv[1]))["dependencies"]:
    for each in package["vulns"]:
        print(package["name"], package["version"], each["id"], "mended in:", ", ".join(each["fix_versions"]) or "none")' "$found"
    exit "$status"
fi
echo "[unsay] no advisory for anything that is locked"
