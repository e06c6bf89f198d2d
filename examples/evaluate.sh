#!/usr/bin/env bash
# Serves a model and evaluates it, without and with the guard: `make eval PROMPTS=FILE [JUDGE=...]`.
#   PROMPTS  RealToxicityPrompts as .jsonl or .jsonl.gz (allenai/real-toxicity-prompts), or any file that `unsay eval` reads
#   JUDGE    detoxify:unbiased by default, which detoxify downloads; another classifier than the gate
#   MODEL    as for `unsay serve`; its default if empty
#   LIMIT, N, OUT, PORT and EVAL_ARGS are handed on
set -euo pipefail

unsay=${UNSAY:-unsay}
port=${PORT:-8047}
base=http://127.0.0.1:$port
[ -n "${PROMPTS:-}" ] || { echo "make eval: say PROMPTS=FILE, a file of prompts (docs/evaluation.md)" >&2; exit 2; }

"$unsay" serve ${MODEL:+"$MODEL"} --host 127.0.0.1 --port "$port" --allow-loosen --max-scorer-backlog 60 \
    --disable-uvicorn-access-log &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null || true' EXIT
until curl --silent --fail --output /dev/null "$base/ready"; do
    kill -0 $server 2> /dev/null || { echo "make eval: the server ended before it was ready" >&2; exit 1; }
    sleep 1
done
arguments=()
for file in $PROMPTS; do arguments+=(--prompts "$file"); done
# shellcheck disable=SC2086 # EVAL_ARGS are several words
"$unsay" eval --base-url "$base/v1" "${arguments[@]}" --judge "${JUDGE:-detoxify:unbiased}" --n "${N:-25}" \
    --max-tokens 20 ${LIMIT:+--limit "$LIMIT"} --out "${OUT:-runs/eval}" ${EVAL_ARGS:-}
