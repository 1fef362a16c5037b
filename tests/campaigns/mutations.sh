#!/usr/bin/env bash
# Changes honest exports 10,000 times, or as often as the first argument says: a flipped bit, a cut, reordered, repeated,
# swapped or missing part, a record left out under a fresh seal, a rolled-back and a rewritten log. Leaves single records out
# of answers as often as the second argument says, and verifies as many honest exports as the third does. PORTWAY_SEED
# chooses which. Every change has to be found out, and nothing honest complained of.
# usage: tests/campaigns/mutations.sh [mutations] [omissions] [unmutated]     (default: 10000 10000 1000)
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_MUTATIONS="${1:-10000}" PORTWAY_OMISSIONS="${2:-10000}" PORTWAY_UNMUTATED="${3:-1000}"
exec cargo test --locked --profile ci --lib -- --nocapture client::verify::mutations
