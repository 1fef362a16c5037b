#!/usr/bin/env bash
# Plays the demo, publishes two more alerts, has the log's key rotated behind each, and has code that is not Portway's
# verify the exports and the receipts (verify.py: Python, the sigstore package, OpenSSL). Then it flips one byte in each kind of
# file, and both verifiers have to refuse. Two more that share no code with either then verify export and proofs (verifiers.sh). Usage: run.sh [PORTWAY]. The Python packages are kept in ${PORTWAY_CACHE:-.venv}.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
portway=$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/ci/portway}")
cache=${PORTWAY_CACHE:-$root/.venv}
python=$cache/bin/python
SIGSTORE=4.5.1

work=$(mktemp -d)
broker=
witness=
clear_up() {
    for process in $broker $witness; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
    rm -rf "$work"
}
trap clear_up EXIT
fail() {
    echo "run.sh: $*" >&2
    exit 1
}

if ! "$python" -c "import importlib.metadata as m; assert m.version('sigstore') == '$SIGSTORE'" 2>/dev/null; then
    python3 -m venv "$cache"
    "$python" -m pip install --quiet --disable-pip-version-check "sigstore==$SIGSTORE"
fi
foreign() { "$python" "$here/verify.py" "$@"; }

demo=$work/demo
"$portway" demo --dir "$demo" --json >/dev/null 2>"$work/demo.log" || { cat "$work/demo.log" >&2; fail "the demo failed"; }
vkey=$demo/identities/police/service/log.vkey
foreign "$demo/export" --vkey "$vkey"

# A witness, whose line under a checkpoint OpenSSL has to accept too. It follows the log's key as the operator's client does.
mkdir "$work/witness"
cp "$vkey" "$work/witness/log.vkey"
cat >"$work/witness/witness.toml" <<EOF
[witness]
name = "witness.example"
listen = "127.0.0.1:0"
dir = "home"
[[log]]
vkey = "log.vkey"
rotations = "$demo/identities/operator/log.rotations"
EOF
mkfifo "$work/listening"
"$portway" witness --config "$work/witness/witness.toml" --log-level error >"$work/listening" &
witness=$!
read -r said <"$work/listening" || fail "the witness did not start"
observer=$work/witness/home/witness.vkey
printf '\n[[witness]]\nurl = "http://%s"\nvkey = "%s"\n' "$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' <<<"$said")" "$observer" \
    >>"$demo/broker/portway.toml"

# One more alert, against the demo's broker served again.
mkfifo "$work/stdout"
"$portway" serve --config "$demo/broker/portway.toml" --log-level error >"$work/stdout" &
broker=$!
read -r listening <"$work/stdout" || fail "the broker did not start"
connect=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' <<<"$listening")
as() { "$portway" --connect "$connect" --identity "$demo/identities/$1" "${@:2}"; }
now=$(date -u +%FT%TZ)
later=$(date -u -d "+7 days" +%FT%TZ)
token=$(printf 'one more person, for this test 1' | base64)
cat >"$work/alert.json" <<EOF
{"agreement": "crime-and-disorder", "purpose": "PURPOSE_CRIME_AND_DISORDER", "type": "ALERT_TYPE_ANTISOCIAL_BEHAVIOUR",
 "subject": [{"kind": "TOKEN_KIND_NHS", "epoch": 1, "value": "$token"}],
 "subject_categories": ["SUBJECT_CATEGORY_OTHER"], "certainty": "CERTAINTY_KNOWN", "assertion": "ASSERTION_FACT",
 "urgency": "URGENCY_ROUTINE", "area": "PO1", "time": "$now", "as_of": "$now", "expires_at": "$later"}
EOF
as police/service publish --file - --receipts "$work/receipts.jsonl" <"$work/alert.json" >/dev/null
# The log's key hands over to another and to a third, and everything still verifies from the first.
as operator keys rotate >/dev/null
as police/service publish --file - --receipts "$work/receipts.jsonl" <"$work/alert.json" >/dev/null
as operator keys rotate >/dev/null
as police/officer audit export "$work/export" >/dev/null
as police/officer audit query --json --page-size 200 >"$work/proofs.jsonl" 2>/dev/null
foreign "$work/export" --vkey "$vkey" --receipts "$work/receipts.jsonl" --since "$demo/export/checkpoint"
# As soon as the witness has followed the key.
for _ in $(seq 100); do
    as police/officer audit export "$work/witnessed" --witnessed --witness "$observer" >/dev/null 2>&1 && break
    sleep 0.1
done
foreign "$work/witnessed" --vkey "$vkey" --witness "$observer"
"$portway" audit verify "$work/witnessed" --vkey "$vkey" --witness "$observer" >/dev/null
code=0
foreign "$work/export" --vkey "$vkey" --witness "$observer" 2>"$work/not-cosigned" || code=$?
[ "$code" = 1 ] && grep -q 'not cosigned' "$work/not-cosigned" || fail "an export that nobody cosigned: verify.py said $code"
kill "$broker"
wait "$broker" || fail "the broker did not stop in order"
broker=

# Flips one bit in the middle of a file; five bytes on, an entry's frame ends and the entry begins.
flip() {
    "$python" - "$1" <<'EOF'
import pathlib, sys
path = pathlib.Path(sys.argv[1])
data = bytearray(path.read_bytes())
data[len(data) // 2 + 5] ^= 1
path.write_bytes(data)
EOF
}
# Expects both verifiers to refuse, each in its own words.
refused() {
    local code=0
    foreign "${@:2}" 2>"$work/said" || code=$?
    [ "$code" = 1 ] && grep -q '^verify.py: ' "$work/said" || fail "$1: verify.py said $code: $(cat "$work/said")"
    code=0
    "$portway" audit verify "${@: -1}" >/dev/null 2>&1 || code=$?
    [ "$code" = 4 ] || fail "$1: portway audit verify said $code"
    echo "$1: refused by both; $(cat "$work/said")"
}
for file in README.txt checkpoint links.jsonl log.rotations log.vkeys manifest records.jsonl tile/0/000 tile/entries/001 tile/1/000.p/*; do
    rm -rf "$work/copy"
    cp -r "$work/export" "$work/copy"
    file=$(cd "$work/copy" && echo $file)
    flip "$work/copy/$file"
    refused "$file flipped" "$work/copy"
done
"$portway" audit verify "$work/receipts.jsonl" --vkey "$vkey" >/dev/null
sed 's/"index":"/"index":"1/' "$work/receipts.jsonl" >"$work/forged.jsonl"
refused "a receipt with another index" "$work/export" --receipts "$work/forged.jsonl"
# The key that signs now, for those that follow no rotation.
tail -n 1 "$work/export/log.vkeys" | cut -d' ' -f1 >"$work/newest.vkey"
"$here/verifiers.sh" "$portway" "$work/export" "$work/proofs.jsonl" "$work/newest.vkey"
echo "verified by code that is not Portway's"
