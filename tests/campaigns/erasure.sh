#!/usr/bin/env bash
# Plants 1,000 marked alerts, or as many as the first argument says, erases half of them by order and half of others because
# their time is over, and searches every file with every key that is left; kills the real binary at the system calls that
# destroy keys. Needs strace.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v strace >/dev/null || { echo "erasure.sh: needs strace (Debian: apt-get install strace)" >&2; exit 2; }
export PORTWAY_MARKED_ALERTS="${1:-1000}" PORTWAY_CUT=strace
exec cargo test --locked --profile ci --test it erasure:: -- --nocapture
