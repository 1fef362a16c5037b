#!/usr/bin/env bash
# Has testssl.sh (Debian package testssl.sh) look at the real binary as a stranger and as a service of an agency, and fails
# on every finding above LOW but those that follow from short-lived certificates and CRLs that no URI publishes.
# Takes some minutes. usage: testssl.sh [PORTWAY]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
portway=$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/ci/portway}")
if ! command -v testssl >/dev/null; then
    run=(); [ "$(id -u)" = 0 ] || run=(sudo)
    "${run[@]}" apt-get install --yes --no-install-recommends testssl.sh
fi

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

# A broker with nobody in its table, by portway's own commands.
cd "$work"
"$portway" cert init --out server-ca --name "Server CA" --server >/dev/null
"$portway" cert init --out police-ca --name "Police CA" --trust-domain exchange.example --agency police >/dev/null
"$portway" cert server --out server --host localhost --host 127.0.0.1 --ca server-ca >/dev/null
cat >portway.toml <<END
[server]
listen = "127.0.0.1:0"
identity = "server"
trust_domain = "exchange.example"
[journal]
dir = "journal"
[ledger]
anchor_dir = "anchor"
keys_dir = "keys"
[views]
dir = "views"
[[agency]]
id = "police"
ca = "police-ca/ca.pem"
END
mkfifo stdout
"$portway" serve --config portway.toml 2>serve.log >stdout &
broker=$!
read -r said <stdout
address=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' <<<"$said")

# testssl.sh 3.0 shows no certificate and asks for HTTP/1.1. An openssl that does both, so that it gets further.
"$portway" cert agency --out rms --trust-domain exchange.example --agency police --name rms --ca police-ca \
    --server-ca server-ca/ca.pem >/dev/null
cat >openssl <<END
#!/bin/sh
if [ "\$1" = s_client ]; then
    shift
    case " \$* " in *" -alpn "*) ;; *) set -- -alpn h2 "\$@" ;; esac
    exec $(command -v openssl) s_client -cert $work/rms/cert.pem -key $work/rms/key.pem "\$@"
fi
exec $(command -v openssl) "\$@"
END
chmod +x openssl

# It asks for 200 connections and more. --add-ca: the chain ends at a CA that it is told of, as every client is.
testssl --quiet --color 0 --warnings off --ip one --openssl "$work/openssl" --add-ca server-ca/ca.pem \
    --jsonfile found.json "localhost:${address##*:}" >said.txt 2>&1 ||
    echo "testssl.sh ended with $? (the number of its findings)"
python3 - found.json <<'END'
import json, sys
EXPECTED = {"cert_expirationStatus", "cert_notAfter", "cert_revocation"}
findings = json.load(open(sys.argv[1]))
by_severity = {}
for finding in findings:
    by_severity.setdefault(finding["severity"], []).append(finding)
print({severity: len(found) for severity, found in sorted(by_severity.items())})
# WARN and DEBUG are about what testssl.sh itself could not do.
for severity in ("WARN", "DEBUG"):
    for finding in by_severity.get(severity, []):
        print("remark", finding["id"], finding["finding"])
bad = [it for severity, found in by_severity.items() if severity in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") for it in found]
for finding in bad:
    name = finding["id"].split(" ")[0]
    print("expected" if name in EXPECTED else "BAD", finding["severity"], finding["id"], finding["finding"])
offers = {it["id"]: it["finding"] for it in findings}
for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"):
    assert offers[name].startswith("not offered"), (name, offers[name])
assert offers["TLS1_3"].startswith("offered"), offers["TLS1_3"]
sys.exit(any(it["id"].split(" ")[0] not in EXPECTED for it in bad))
END
! grep -q '"level":"ERROR"' serve.log
kill -0 "$broker"
echo "testssl.sh finds nothing above LOW but what is expected"
