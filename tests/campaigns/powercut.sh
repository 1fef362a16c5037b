#!/usr/bin/env bash
# Kills the real binary as it enters a system call: each thread's first, second, third ... write, sync, rename or open,
# through start-up and under load. Before a batch's sync, a part of the batch is taken away too. 150 crashes, or as many as the first argument says. Needs strace.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v strace >/dev/null || { echo "powercut.sh: needs strace (Debian: apt-get install strace)" >&2; exit 2; }
export PORTWAY_CRASHES="${1:-150}" PORTWAY_CUT=strace
exec cargo test --locked --profile ci --test crash -- --nocapture
