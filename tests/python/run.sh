#!/usr/bin/env bash
# Follows the README's chapter "Connect a case system" word by word: stock gRPC for Python, stubs from the proto files
# alone, a kept demo's broker. Then check.py holds a broker to what docs/integration.md says.
# Usage: run.sh [PORTWAY]. The packages are kept in ${PORTWAY_CACHE:-.venv}/python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PORTWAY=$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/ci/portway}")
cache=${PORTWAY_CACHE:-$root/.venv}/python
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1

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
fail() {
    echo "run.sh: $*" >&2
    exit 1
}
mkdir "$work/bin"
ln -s "$PORTWAY" "$work/bin/portway"
PATH=$work/bin:$PATH

demo=$work/portway-demo
portway demo --dir "$demo" --json >/dev/null 2>"$work/demo.log" || { cat "$work/demo.log" >&2; fail "the demo failed"; }

# The chapter's commands, with the folders of this run in the place of the reader's.
awk '/^## /{on = ($0 == "## Connect a case system")} on && /^```$/{sh = 0} on && sh; on && /^```sh$/{sh = 1}' \
    "$root/README.md" | sed "s#/tmp/portway-demo/env#$cache#g; s#/tmp/portway-demo#$demo#g" >"$work/chapter.sh"
echo wait >>"$work/chapter.sh"
grep -q receive.py "$work/chapter.sh" || fail "the README has no such chapter"
(cd "$root" && timeout 300 bash -euo pipefail -c 'trap "kill %1 2>/dev/null || true" EXIT; . "$0"' "$work/chapter.sh") >"$work/said" || { cat "$work/said"; fail "the README's chapter does not work"; }
cat "$work/said"
grep -q '^published: record [0-9]' "$work/said" || fail "nothing was published"
grep -q '^delivery [0-9]* ALERT_TYPE_ANTISOCIAL_BEHAVIOUR PO1 recorded as [0-9]' "$work/said" || fail "nothing was received"

mkfifo "$work/stdout"
portway serve --config "$demo/broker/portway.toml" --log-level error >"$work/stdout" &
broker=$!
read -r listening <"$work/stdout" || fail "the broker did not start"
connect=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' <<<"$listening")
# It waits for what has to come; what never comes fails here.
PYTHONPATH="$demo/stubs:$here" timeout 120 "$cache/bin/python" "$here/check.py" "$connect" "$demo/identities"
kill "$broker"
wait "$broker" || fail "the broker did not stop in order"
broker=
