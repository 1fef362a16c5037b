#!/usr/bin/env bash
# Revokes, suspends and lets expire 100 subscribers with an open stream, or as many as the first argument says, and has each
# try ten times to come back. Fails where the slowest end of a stream took longer than the bound of 2 seconds.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_CUTS="${1:-100}"
said=$(cargo test --locked --profile ci --test it -- --nocapture --exact \
    operate::cutting::whoever_may_not_take_part_is_cut_and_does_not_come_back 2>&1) || { echo "$said"; exit 1; }
figures=$(grep "attempts to come back" <<<"$said")
echo "$figures"
most=$(sed 's/.*most \([0-9]*\) ms.*/\1/' <<<"$figures")
test "$most" -le 2000 || { echo "revocation.sh: cut after $most ms" >&2; exit 1; }
