"""Computes the vectors in this folder from the definitions of RFC 6962 section 2.1 and C2SP
signed-note, with Python's hashlib and the `cryptography` package: nothing of Portway's own.
Run it in this folder; it rewrites the JSON files. The roots are checked against those that the
Certificate Transparency project published for the same eight leaves."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
           "606162636465666768696a6b6c6d6e6f"]
PUBLISHED = """
6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
""".split()


def sha256(data):
    return hashlib.sha256(data).digest()


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d):
    if not d:
        return sha256(b"")
    if len(d) == 1:
        return sha256(b"\0" + d[0])
    k = split(len(d))
    return sha256(b"\1" + mth(d[:k]) + mth(d[k:]))


def path(m, d):
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return path(m, d[:k]) + [mth(d[k:])]
    return path(m - k, d[k:]) + [mth(d[:k])]


def subproof(m, d, known):
    if m == len(d):
        return [] if known else [mth(d)]
    k = split(len(d))
    if m <= k:
        return subproof(m, d[:k], known) + [mth(d[k:])]
    return subproof(m - k, d[k:], False) + [mth(d[:k])]


def hexes(hashes):
    return [h.hex() for h in hashes]


def write(name, value):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def trees():
    d = [bytes.fromhex(entry) for entry in ENTRIES]
    roots = [mth(d[:n]) for n in range(len(d) + 1)]
    assert hexes(roots[1:]) == PUBLISHED
    numbered = [n.to_bytes(8, "big") for n in range(70_000)]
    write("roots.json", {
        "entries": ENTRIES,
        "by_size": hexes(roots),
        "numbered": [{"size": n, "root": mth(numbered[:n]).hex()}
                     for n in (255, 256, 257, 1_000, 65_536, 65_537, 70_000)],
    })
    write("inclusion.json", [
        {"index": m, "size": n, "proof": hexes(path(m, d[:n]))}
        for n in range(1, 9) for m in range(n)])
    write("consistency.json", [
        {"from": m, "to": n, "proof": hexes(subproof(m, d[:n], True))}
        for n in range(1, 9) for m in range(1, n + 1)])


def key(name, seed):
    secret = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = b"\1" + secret.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n" + public)[:4]
    vkey = f"{name}+{key_id.hex()}+{base64.b64encode(public).decode()}"

    def line(text):
        signature = base64.b64encode(key_id + secret.sign(text.encode())).decode()
        return f"— {name} {signature}\n"
    return {"name": name, "seed_byte": seed, "vkey": vkey}, line


def notes():
    root = bytes.fromhex(PUBLISHED[7])
    log, by_log = key("example.org/portway/log", 0)
    after, by_next = key("example.org/portway/log", 1)
    text = f"example.org/portway/log\n8\n{base64.b64encode(root).decode()}\n"
    write("notes.json", {
        "published": {
            # golang.org/x/mod/sumdb/note, package documentation.
            "vkey": "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "note": "If you think cryptography is the answer to your problem,\n"
                    "then you don't know what your problem is.\n\n"
                    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
                    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        },
        "checkpoint": {"keys": [log, after], "size": 8, "root": root.hex(),
                       "note": text + "\n" + by_log(text) + by_next(text)},
    })


trees()
notes()
