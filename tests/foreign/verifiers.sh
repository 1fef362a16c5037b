#!/usr/bin/env bash
# Has four verifiers of different descent accept an export and proofs of its records: Portway's own, sigstore's Python with
# OpenSSL (verify.py), Cloudflare's crates for tiles and notes (tiles), and sigstore-js (merkle.cjs). Then one bit of an
# entry, of the checkpoint and of a proof is flipped, and all four have to refuse.
# Usage: verifiers.sh PORTWAY EXPORT PROOFS VKEY, where VKEY is a file with the key that signed the checkpoints, and PROOFS
# what `portway audit query --json` prints. Packages are kept in ${PORTWAY_CACHE:-.venv}.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
portway=$(realpath "$1")
export_dir=$(realpath "$2") proofs=$(realpath "$3") vkey=$(realpath "$4")
cache=${PORTWAY_CACHE:-$root/.venv}
built=${CARGO_TARGET_DIR:-$root/target}/foreign
SIGSTORE=4.5.1
SIGSTORE_JS=3.1.1

fail() {
    echo "verifiers.sh: $*" >&2
    exit 1
}
python=$cache/bin/python
if ! "$python" -c "import importlib.metadata as m; assert m.version('sigstore') == '$SIGSTORE'" 2>/dev/null; then
    python3 -m venv "$cache"
    "$python" -m pip install --quiet --disable-pip-version-check "sigstore==$SIGSTORE"
fi
export NODE_PATH=$cache/merkle/node_modules
grep -qs "\"version\": \"$SIGSTORE_JS\"" "$NODE_PATH/@sigstore/verify/package.json" ||
    npm install --silent --no-fund --no-audit --prefix "$cache/merkle" "@sigstore/verify@$SIGSTORE_JS"
cargo build --quiet --locked --release --manifest-path "$here/tiles/Cargo.toml" --target-dir "$built"

# Each takes an export and proofs.
own() { "$portway" audit verify "$1" --vkey "$vkey" && "$portway" audit verify "$2" --vkey "$vkey"; }
sigstore() { "$python" "$here/verify.py" "$1" --vkey "$vkey" --proofs "$2"; }
tiles() { "$built/release/tiles" "$1" "$2" "$vkey"; }
sigstore_js() { node "$here/merkle.cjs" "$1" "$2" "$vkey"; }
VERIFIERS=(own sigstore tiles sigstore_js)

for verifier in "${VERIFIERS[@]}"; do
    "$verifier" "$export_dir" "$proofs" || fail "$verifier refuses what is whole"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
refused() {
    local verifier
    for verifier in "${VERIFIERS[@]}"; do
        if "$verifier" "$2" "$3" >/dev/null 2>"$work/said"; then
            fail "$verifier accepts $1"
        fi
        [ -s "$work/said" ] || fail "$verifier does not say why it refuses $1"
    done
    echo "$1: refused by all four"
}
flip() {
    "$python" - "$1" <<'PYTHON'
import pathlib, sys
path = pathlib.Path(sys.argv[1])
data = bytearray(path.read_bytes())
# In an entry, and in the size that a checkpoint states behind its first line: not in one of two signatures.
at = data.index(b"\n") + 1 if path.name == "checkpoint" else len(data) // 2
data[at] ^= 1
path.write_bytes(data)
PYTHON
}
copy() {
    rm -rf "$work/copy"
    cp -r "$export_dir" "$work/copy"
}
copy
flip "$work/copy/tile/entries/000"
refused "an entry with a flipped bit" "$work/copy" "$proofs"
copy
flip "$work/copy/checkpoint"
refused "a checkpoint with a flipped bit" "$work/copy" "$proofs"
"$python" - "$proofs" "$work/proofs" <<'PYTHON'
import base64, json, pathlib, sys
lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
proof = json.loads(lines[-1])
first = bytearray(base64.b64decode(proof["inclusion"][0]))
first[0] ^= 1
proof["inclusion"][0] = base64.b64encode(first).decode()
text = "".join(line + "\n" for line in [*lines[:-1], json.dumps(proof, separators=(",", ":"))])
pathlib.Path(sys.argv[2]).write_text(text, encoding="utf-8")
PYTHON
refused "a proof with another hash" "$export_dir" "$work/proofs"
