#!/usr/bin/env bash
# Writes a log of at least so many entries, exports it, and has four verifiers of different descent accept it with as many
# proofs as are asked for, and refuse it once a bit is flipped (tests/foreign/verifiers.sh).
# Usage: tests/campaigns/verifiers.sh [ENTRIES [PROOFS]], 1,000,000 and 10,000 unless said.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
entries=${1:-1000000} proofs=${2:-10000}
cd "$root"
cargo build --quiet --locked --release
portway=${CARGO_TARGET_DIR:-target}/release/portway
work=$(mktemp -d)
broker=
clear_up() {
    if [ -n "$broker" ]; then
        kill "$broker" 2>/dev/null || true
        wait "$broker" || true
    fi
    rm -rf "$work"
}
trap clear_up EXIT

"$portway" bench history --records "$entries" --dir "$work/history"
mkfifo "$work/stdout"
"$portway" serve --config "$work/history/broker/portway.toml" --log-level error >"$work/stdout" &
broker=$!
read -r listening <"$work/stdout"
connect=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' <<<"$listening")
as() { "$portway" --connect "$connect" --identity "$work/history/identities/$1/officer" "${@:2}"; }
as agency-01 audit export "$work/export"
# Pages of a thousand, of each agency in turn and of another month each.
month=0
while [ "$(cat "$work/proofs.jsonl" 2>/dev/null | wc -l)" -lt "$proofs" ]; do
    agency=$(printf 'agency-%02d' $((month % 16 + 1)))
    from=$(date -u -d "-$((330 - 7 * month % 330)) days" +%FT%TZ)
    as "$agency" audit query --json --page-size 1000 --from "$from" 2>/dev/null >>"$work/proofs.jsonl"
    month=$((month + 1))
done
tests/foreign/verifiers.sh "$portway" "$work/export" "$work/proofs.jsonl" \
    "$work/history/identities/agency-01/officer/log.vkey"
