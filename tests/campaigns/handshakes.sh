#!/usr/bin/env bash
# Crowds the door of the real binary with connections that are never finished, and prints how those who belong fare
# meanwhile, beside how they fare in calm. usage: tests/campaigns/handshakes.sh [strangers] [a second] [seconds] [rounds]
# (default: 10000 at a time, at most 2000 new ones a second, 5 seconds, 3 rounds of each kind). Strangers and those who
# belong come from one address, so that nothing but time tells them apart. All of them run on this machine, and share its
# processors with the broker: on a busy machine the ratios say more about that machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_STRANGERS="${1:-10000}" PORTWAY_STRANGERS_PER_SECOND="${2:-2000}" PORTWAY_SECONDS="${3:-5}" PORTWAY_ROUNDS="${4:-3}"
# Each stranger holds a descriptor.
ulimit -n "$(ulimit -Hn)"
exec cargo test --locked --profile ci --test it handshakes::flood::honest -- --nocapture
