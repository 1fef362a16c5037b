#!/usr/bin/env bash
# Kills the real binary under load, 200 times or as often as the first argument says, and checks every promise after
# each crash. PORTWAY_SEED chooses the chances. Takes about a second a crash.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_CRASHES="${1:-200}"
exec cargo test --locked --profile ci --test crash -- --nocapture
