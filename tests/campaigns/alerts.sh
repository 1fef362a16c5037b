#!/usr/bin/env bash
# Holds the sample of alert rules against promtool and its own examples, and the page of a real broker against
# promtool's idea of good metrics. Installs Debian's package prometheus where promtool is missing. usage: alerts.sh [PORTWAY]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
portway=$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/ci/portway}")
if ! command -v promtool >/dev/null; then
    run=(); [ "$(id -u)" = 0 ] || run=(sudo)
    "${run[@]}" apt-get install --yes --no-install-recommends prometheus
fi
cd "$root/deploy/prometheus"
promtool check rules portway.rules.yml
promtool test rules portway.rules.test.yml

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
"$portway" demo --dir "$work/demo" --json >/dev/null 2>&1
printf '\n[metrics]\nlisten = "127.0.0.1:0"\n' >>"$work/demo/broker/portway.toml"
mkfifo "$work/stdout"
"$portway" serve --config "$work/demo/broker/portway.toml" --log-level error >"$work/stdout" &
broker=$!
read -r said <"$work/stdout"
address=$(sed -n 's/.*"metrics":"\([^"]*\)".*/\1/p' <<<"$said")
python3 -c 'import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(f"http://{sys.argv[1]}/metrics").read())' "$address" >"$work/page"
promtool check metrics <"$work/page"
echo "$(grep -vc '^#' "$work/page") samples, nothing for promtool to say"
