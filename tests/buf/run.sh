#!/usr/bin/env bash
# Holds the proto files to buf's STANDARD lint and, against released.binpb, to its FILE rules for breaking changes.
# released.binpb is made at a release, never to make this pass:
#   buf build --exclude-source-info --as-file-descriptor-set -o tests/buf/released.binpb
# Usage: run.sh. The package is kept in ${PORTWAY_CACHE:-.venv}/buf.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${PORTWAY_CACHE:-$root/.venv}/buf
buf=$cache/node_modules/.bin/buf
BUF=1.75.0

if [ "$("$buf" --version 2>/dev/null || true)" != "$BUF" ]; then
    npm install --silent --no-audit --no-fund --prefix "$cache" "@bufbuild/buf@$BUF"
fi
cd "$root"
"$buf" lint
"$buf" breaking --against tests/buf/released.binpb

# A check that cannot fail is none: a field that changes its number has to be noticed.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r proto buf.yaml "$copy"
sed -i 's/string request_id = 1;/string request_id = 99;/' "$copy/proto/portway/v1/exchange.proto"
if (cd "$copy" && "$buf" breaking --against "$root/tests/buf/released.binpb" >/dev/null); then
    echo "run.sh: buf did not notice a renumbered field" >&2
    exit 1
fi
echo "the proto files keep buf's rules and break nothing that was released"
