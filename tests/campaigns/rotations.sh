#!/usr/bin/env bash
# Rotates certificates, CAs, lists, agencies and rules 1,000 times, or as often as the first argument says, half-written
# and bad ones among them, under steady calls, new connections and open streams. PORTWAY_SEED chooses the order.
# Takes about half a second a rotation.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_ROTATIONS="${1:-1000}"
exec cargo test --locked --profile ci --test it -- --nocapture --exact \
    operate::rotations::rotations_of_every_kind_fail_no_call_and_lose_no_delivery
