#!/usr/bin/env bash
# Pins every image of others to what its tag names today, wherever it is used: `make digests`, and then look at the diff.
# To move to another tag, write it before the old digest first. Needs docker with buildx, and the registries.
set -euo pipefail
cd "$(dirname "$0")/.."
files=(Dockerfile deploy/compose.yaml)
images=$(grep -ohE '[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}' "${files[@]}" | sort -u)
for image in $images; do
    tag=${image%@*}
    digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}') || digest=
    if [[ ! $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
        echo "[unsay] $tag: its registry told no digest; this one and those after it stay as they are" >&2
        exit 1
    fi
    sed -i "s|$image|$tag@$digest|" "${files[@]}"
    echo "[unsay] $tag@$digest"
done
