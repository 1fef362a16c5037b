#!/usr/bin/env bash
# Shows a real witness 1,000 forks and rollbacks of a log, or as many as the first argument says, and kills it in between:
# each has to be refused, and what is honest cosigned. PORTWAY_SEED chooses them. Takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_FORKS="${1:-1000}"
exec cargo test --locked --profile ci --test it witnesses::forks -- --nocapture
