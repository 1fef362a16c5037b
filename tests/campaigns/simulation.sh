#!/usr/bin/env bash
# Runs the simulation of the core over many more seeds than the gate does.
# usage: tests/campaigns/simulation.sh [from] [to]     (default: 0 5000; the end is not included)
# A seed that fails is named, with the steps that led there; PORTWAY_SIMULATION_SEEDS=n..n+1 repeats it.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PORTWAY_SIMULATION_SEEDS="${1:-0}..${2:-5000}"
cargo test --locked --release --lib ledger::simulation
