"""Verifies an export of a Portway log, and receipts, without any code of Portway's.

Hashing of leaves and nodes and the check of inclusion proofs are the sigstore package's, signatures are OpenSSL's,
commitments are Python's own hmac. What is taken from the wire or the files is the format alone: C2SP signed-note,
tlog-checkpoint and tlog-tiles, RFC 6962, and the commitment HMAC-SHA-256(salt, "portway/v1/record" NUL record).

Usage: verify.py EXPORT [--vkey FILE] [--receipts FILE] [--proofs FILE] [--since CHECKPOINT]. Exit 0 where everything
holds, 1 where something does not, with the first fault on stderr.
"""

import argparse
import base64
import functools
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys
import tempfile
import types

from sigstore._internal.merkle import _hash_children, _hash_leaf, verify_merkle_inclusion
from sigstore.errors import Error as SigstoreError

ED25519 = 0x01
# RFC 8410 section 4: SubjectPublicKeyInfo of an Ed25519 key, up to the key itself.
SPKI = bytes.fromhex("302a300506032b6570032100")
WIDTH = 256
SAMPLES = 64


class Fault(Exception):
    """What does not hold."""


def need(holds, what):
    if not holds:
        raise Fault(what)


def b64(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Fault(f"{what}: not base64") from error


class Key:
    """A C2SP verifier key: name, key id, Ed25519 key."""

    ALGORITHM = ED25519

    def __init__(self, vkey):
        parts = vkey.strip().split("+", 2)
        need(len(parts) == 3, "verifier key: not of the form name+id+key")
        self.vkey = vkey.strip().encode()
        self.name = parts[0]
        self.id = bytes.fromhex(parts[1])
        key = b64(parts[2], "verifier key")
        need(len(key) == 33 and key[0] == self.ALGORITHM, "verifier key: of another algorithm")
        expected = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        need(self.id == expected, "verifier key: its id is not that of its name and key")
        self.spki = SPKI + key[1:]

    def open(self, note, what):
        """Returns a signed note's text once OpenSSL has verified this key's signature over it."""
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        prefix = f"\u2014 {self.name} "
        lines = [it[len(prefix) :] for it in signatures.splitlines() if it.startswith(prefix)]
        need(lines, f"{what}: not signed by the log")
        own = [it for it in (b64(line, what) for line in lines) if it[:4] == self.id]
        need(len(own) == 1 and len(own[0]) == 68, f"{what}: signed by another key")
        need(self.signed(text.encode(), own[0][4:]), f"{what}: OpenSSL refuses the signature")
        return text

    def signed(self, text, signature):
        with tempfile.TemporaryDirectory() as name:
            room = pathlib.Path(name)
            for file, content in (("key", self.spki), ("text", text), ("signature", signature)):
                (room / file).write_bytes(content)
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]
            command += ["-inkey", room / "key", "-in", room / "text", "-sigfile", room / "signature"]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def checkpoint(self, note, what):
        """Returns size and root of a signed checkpoint."""
        lines = self.open(note, what).splitlines()
        need(len(lines) == 3 and lines[0] == self.name, f"{what}: not this log's checkpoint")
        need(lines[1].isascii() and lines[1].isdigit(), f"{what}: no size")
        return int(lines[1]), b64(lines[2], what)


class Witness(Key):
    """A C2SP verifier key of a witness."""

    ALGORITHM = 0x04

    def cosigned(self, note, what):
        """Returns when the witness cosigned a note: OpenSSL verifies the time and the text (C2SP tlog-cosignature)."""
        text, _, signatures = note.rpartition("\n\n")
        prefix = f"\u2014 {self.name} "
        lines = [it[len(prefix) :] for it in signatures.splitlines() if it.startswith(prefix)]
        own = [it for it in (b64(line, what) for line in lines) if it[:4] == self.id]
        need(len(own) == 1 and len(own[0]) == 4 + 8 + 64, f"{what}: not cosigned by {self.name}")
        seconds = int.from_bytes(own[0][4:12], "big")
        message = f"cosignature/v1\ntime {seconds}\n{text}\n"
        need(self.signed(message.encode(), own[0][12:]), f"{what}: OpenSSL refuses the cosignature")
        return seconds


class Keys:
    """The keys of a log, oldest first, and the sizes of the trees that each signed: two signed the tree of a rotation."""

    def __init__(self, listed):
        self.spans = []
        for line in listed.splitlines():
            parts = line.split(" ")
            need(len(parts) == 3, "log.vkeys: not a key with the trees it signed")
            self.spans.append((Key(parts[0]), int(parts[1]), int(parts[2])))
        need(self.spans and self.spans[0][1] == 1, "log.vkeys: does not begin with the first tree")
        for (one, _, last), (other, first, _) in zip(self.spans, self.spans[1:]):
            need(one.name == other.name and first == last, "log.vkeys: one key does not follow the other")
        self.name = self.spans[0][0].name

    @property
    def size(self):
        return self.spans[-1][2]

    def holds(self, vkey):
        key = Key(vkey)
        return any((it.name, it.spki) == (key.name, key.spki) for it, _, _ in self.spans)

    def checkpoint(self, note, what):
        """Returns size and root of a checkpoint that every key signed whose time it was."""
        size = note.split("\n")[1]
        need(size.isascii() and size.isdigit(), f"{what}: no size")
        due = [key for key, first, last in self.spans if first <= int(size) <= last]
        # What lies beyond the export was signed by the last key.
        due = due or [self.spans[-1][0]]
        return [key.checkpoint(note, what) for key in due][-1]

    def check_rotations(self, text, entries, tree):
        """Each key handed over with a tree whose last entry is the record that names both, which both signed."""
        lines = text.splitlines()
        need(len(lines) == len(self.spans) - 1, "log.rotations: not one for each key")
        for line, (old, _, last), (new, _, _) in zip(lines, self.spans, self.spans[1:]):
            what = f"log.rotations at {last}"
            rotation = json.loads(line)
            size, root = old.checkpoint(rotation["checkpoint"], what)
            need((size, root) == new.checkpoint(rotation["checkpoint"], what), f"{what}: of two trees")
            need(size == last and tree.root(size) == root, f"{what}: of another history")
            record = b64(rotation["record"], what)
            made = commitment(b64(rotation["salt"], what), record)
            index = int(rotation["index"])
            need(index == last - 1 and entries[index] == made, f"{what}: its record is not in the log")
            check_inclusion(made, index, [b64(it, what) for it in rotation["inclusion"]], size, root)
            # KeyRotated is field 70 of Record, and old_vkey and new_vkey are its fields 2 and 3.
            stated = dict(fields(dict(fields(record))[70]))
            need((stated[2], stated[3]) == (old.vkey, new.vkey), f"{what}: its record names other keys")


def fields(message):
    """Yields number and content of each field of a protobuf message that is bytes, and passes over numbers."""

    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            if not message[at] & 0x80:
                return value, at + 1
            at, shift = at + 1, shift + 7

    at = 0
    while at < len(message):
        tag, at = varint(at)
        value, at = varint(at)
        need(tag & 7 in (0, 2), "a record of a form that is not known")
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value


class Tree:
    """RFC 6962 section 2.1 over leaf hashes; nodes are hashed by the sigstore package."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.node = functools.lru_cache(maxsize=None)(self._node)

    def _node(self, start, end):
        if end - start == 1:
            return self.leaves[start]
        middle = start + split(end - start)
        return _hash_children(self.node(start, middle), self.node(middle, end))

    def root(self, size):
        return self.node(0, size)

    def path(self, index, start, end):
        """PATH(m, D[n]) of section 2.1.1."""
        if end - start == 1:
            return []
        middle = start + split(end - start)
        if index < middle:
            return [*self.path(index, start, middle), self.node(middle, end)]
        return [*self.path(index, middle, end), self.node(start, middle)]


def split(count):
    """Returns the largest power of two below count."""
    return 1 << (count - 1).bit_length() - 1


def check_inclusion(entry, index, proof, size, root):
    """Has the sigstore package verify that the entry stands at the index of a tree."""
    # It wants an entry of a transparency log, and reads these fields of it.
    inclusion = types.SimpleNamespace(log_index=index, tree_size=size, hashes=proof, root_hash=root)
    inner = types.SimpleNamespace(inclusion_proof=inclusion, canonicalized_body=entry)
    try:
        verify_merkle_inclusion(types.SimpleNamespace(_inner=inner))
    except SigstoreError as error:
        raise Fault(f"entry {index}: sigstore refuses its inclusion proof") from error


def commitment(salt, record):
    return hmac.digest(salt, b"portway/v1/record\0" + record, "sha256")


def link(nonce, agency, number, previous):
    places = number.to_bytes(8, "big") + previous.to_bytes(8, "big")
    return hmac.digest(nonce, b"portway/v1/link\0" + agency.encode() + b"\0" + places, "sha256")


def proven(said, agency, tree, what):
    """Returns number, previous, index and record of what was shown, once it is in the tree and its link opens."""
    shown = said["record"]
    index, record = int(shown.get("index", "0")), b64(shown["record"], what)
    made = commitment(b64(shown["salt"], what), record)
    need(made == b64(shown["leaf"], what), f"{what}: its leaf commits to another record")
    check_inclusion(made, index, [b64(node, what) for node in said.get("inclusion", [])], *tree)
    opening = shown["link"]
    number, previous = int(opening["number"]), int(opening.get("previous", "0"))
    made = link(b64(opening["nonce"], what), agency, number, previous)
    need(made in [part for field, part in fields(record) if field == 2], f"{what}: its link does not open")
    return number, previous, index, record


def numbers(message):
    """Returns the fields of a protobuf message that are numbers."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                return value

    while at < len(message):
        tag = varint()
        value = varint()
        if tag & 7 == 0:
            found[tag >> 3] = value
        else:
            at += value
    return found


def consistent(older, newer, proof):
    """RFC 6962 section 2.1.2, as RFC 9162 section 2.1.4.2 verifies it."""
    (first, first_root), (second, second_root) = older, newer
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second or not proof:
        return False
    proof = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for node in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _hash_children(node, fr), _hash_children(node, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _hash_children(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


def tile_path(level, number, width):
    """C2SP tlog-tiles: three digits a directory, an x before each but the last."""
    digits = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        digits.insert(0, f"x{number % 1000:03}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(digits)}{partial}"


def tiles(level, size):
    """Yields the path and width of each tile of one level."""
    for number in range(-(-size // WIDTH)):
        width = min(WIDTH, size - number * WIDTH)
        yield tile_path(level, number, width), width


class Export:
    def __init__(self, path):
        self.dir = pathlib.Path(path)
        self.keys = None
        self.links = {}
        self.read_paths = set()

    def read(self, path):
        self.read_paths.add(path)
        try:
            return (self.dir / path).read_bytes()
        except OSError as error:
            raise Fault(f"{path}: {error.strerror}") from error

    def text(self, path):
        try:
            return self.read(path).decode()
        except UnicodeDecodeError as error:
            raise Fault(f"{path}: not text") from error

    def entries(self, size):
        """Reads the bundles: each entry is its length in two bytes, and itself."""
        entries = []
        for path, width in tiles("entries", size):
            bundle = self.read(path)
            need(len(bundle) == width * 34, f"{path}: not {width} entries of 32 bytes")
            for at in range(0, len(bundle), 34):
                need(bundle[at : at + 2] == b"\x00\x20", f"{path}: not framed as an entry of 32 bytes")
                entries.append(bundle[at + 2 : at + 34])
        return entries

    def check_tiles(self, tree, size):
        """Holds every tile of every level against the tree that the entries make."""
        level = 0
        while size > 0:
            step = WIDTH**level
            for number, (path, width) in enumerate(tiles(level, size)):
                first = number * WIDTH
                due = b"".join(
                    tree.node(at * step, (at + 1) * step) for at in range(first, first + width)
                )
                need(self.read(path) == due, f"{path}: not the hashes of its entries")
            level, size = level + 1, size // WIDTH

    def check_records(self, entries):
        """Recomputes each record's commitment, and holds it against its entry."""
        last = -1
        lines = self.text("records.jsonl").splitlines()
        for number, line in enumerate(lines, 1):
            what = f"records.jsonl line {number}"
            try:
                record = json.loads(line)
                index, salt, stored = record["index"], record["salt"], record["record"]
            except (ValueError, KeyError, TypeError) as error:
                raise Fault(f"{what}: not a record") from error
            need(isinstance(index, int) and last < index < len(entries), f"{what}: out of order")
            made = commitment(b64(salt, what), b64(stored, what))
            need(made == entries[index], f"{what}: entry {index} commits to something else")
            self.links[index] = [part for field, part in fields(b64(stored, what)) if field == 2]
            last = index
        return len(lines)

    def check_links(self, size, root):
        """Each agency's links run from number 1 on without a gap, and what ends them shows that none was left out."""
        openings, agencies, linked = [], [], set()
        for number, line in enumerate(self.text("links.jsonl").splitlines(), 1):
            what = f"links.jsonl line {number}"
            said = json.loads(line)
            if "completeness" not in said:
                openings.append(said)
                continue
            claim = said["completeness"]
            agency = claim["agency"]
            end = (0, 0)
            for opening in openings:
                index, nonce = opening["index"], b64(opening["nonce"], what)
                due = (opening["number"], opening["previous"])
                need(opening["agency"] == agency and due == (end[0] + 1, end[1]), f"{what}: a gap before {index}")
                need(link(nonce, agency, *due) in self.links.get(index, []), f"{what}: record {index} is missing")
                end = (due[0], index + 1)
                linked.add(index)
            self.check_end(said, agency, end, (size, root), what)
            openings = []
            agencies.append(agency)
        need(agencies == sorted(set(agencies)) and agencies and not openings, "links.jsonl: not one end for each agency")
        for index, its_links in self.links.items():
            need(not its_links or index in linked, f"record {index}: linked to no agency of the export")
        return agencies

    def check_end(self, said, agency, end, export, what):
        """The last record before the export's size, and the first behind it, follow each other, in a tree that grew out of it."""
        claim = said["completeness"]
        size, root = self.keys.checkpoint(claim["checkpoint"], what)
        need(int(claim.get("start", "0")) == int(claim.get("end", "0")) == export[0], f"{what}: ends elsewhere")
        proof = [b64(node, what) for node in said.get("consistency", [])]
        need(consistent(export, (size, root), proof), f"{what}: its tree did not grow out of the export's")
        due = None if end == (0, 0) else end
        closing = proven(claim["closing"], agency, (size, root), what)
        # Consulted is field 60 of Record, and its fields 3 and 4 are the range.
        stated = numbers(dict(fields(closing[3]))[60])
        need((stated.get(3, 0), stated.get(4, 0)) == (export[0], export[0]), f"{what}: of another question")
        for record in said["records"]:
            number, previous, index, _ = proven(record, agency, (size, root), what)
            if index < export[0]:
                need((number, index + 1) == due, f"{what}: record {index} is missing")
                continue
            need((number, previous) == (end[0] + 1, end[1]), f"{what}: the tail is missing")
            need(index <= closing[2], f"{what}: not closed by its question")
            return
        raise Fault(f"{what}: nothing ends the links")

    def check_manifest(self, size):
        """The seal covers the list, and the list every file that is there."""
        seal, _, listed = self.text("manifest").rpartition("\n\n")
        lines = self.keys.spans[-1][0].open(seal + "\n", "manifest").splitlines()
        digest = hashlib.sha256(listed.encode()).hexdigest()
        due = ["portway export v1", self.keys.name, f"size {size}", f"sha256 {digest}"]
        need(lines[:3] + lines[4:] == due, "manifest: the seal is of another export")
        files = dict(line.split("  ", 1)[::-1] for line in listed.splitlines())
        found = {str(it.relative_to(self.dir)) for it in self.dir.rglob("*") if not it.is_dir()}
        need(found == files.keys() | {"manifest"}, "manifest: lists other files than there are")
        need(found == self.read_paths, "the export has files that its tree does not call for")
        for path, digest in files.items():
            made = hashlib.sha256(self.read(path)).hexdigest()
            need(made == digest, f"{path}: not the file that the manifest lists")


def check_proven(proven, what, key, known):
    """One record with salt, leaf, audit path and checkpoint, held against the log that is known."""
    entries, tree = known
    index, leaf = int(proven.get("index", "0")), b64(proven["leaf"], what)
    made = commitment(b64(proven["salt"], what), b64(proven["record"], what))
    need(made == leaf, f"{what}: its leaf commits to another record")
    size, root = key.checkpoint(proven["checkpoint"], what)
    proof = [b64(node, what) for node in proven.get("inclusion", [])]
    check_inclusion(leaf, index, proof, size, root)
    if size <= len(entries):
        need(tree.root(size) == root, f"{what}: its checkpoint is of another history")
    if index < len(entries):
        need(entries[index] == leaf, f"{what}: the export has another entry {index}")


def check_receipts(path, key, entries, tree):
    """Each receipt proves its publication by itself, and agrees with the export as far as that reaches."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    need(lines, "receipts: there are none")
    for number, line in enumerate(lines, 1):
        check_proven(json.loads(line), f"receipt {number}", key, (entries, tree))
    return len(lines)


def check_proofs(path, key, entries, tree):
    """Each record that `portway audit query --json` printed stands in the log, and in the export as far as that reaches."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    need(lines, "proofs: there are none")
    for number, line in enumerate(lines, 1):
        shown = json.loads(line)
        flat = {**shown["record"], "inclusion": shown.get("inclusion", []), "checkpoint": shown["checkpoint"]}
        check_proven(flat, f"proof {number}", key, (entries, tree))
    return len(lines)


def verify(arguments):
    export = Export(arguments.export)
    export.keys = key = Keys(export.text("log.vkeys"))
    if arguments.vkey:
        given = pathlib.Path(arguments.vkey).read_text(encoding="utf-8").strip()
        need(key.holds(given), "log.vkeys: not the key that was given")
    size, root = key.checkpoint(export.text("checkpoint"), "checkpoint")
    if arguments.witness:
        witness = Witness(pathlib.Path(arguments.witness).read_text(encoding="utf-8"))
        witness.cosigned(export.text("checkpoint"), "checkpoint")
    need(key.size == size, "log.vkeys: other trees than the checkpoint's")
    entries = export.entries(size)
    need(entries, "the export is empty")
    tree = Tree([_hash_leaf(entry) for entry in entries])
    need(tree.root(size) == root, "checkpoint: the entries make another root")
    export.check_tiles(tree, size)
    if len(key.spans) > 1:
        key.check_rotations(export.text("log.rotations"), entries, tree)
    samples = sorted({*range(0, size, -(-size // SAMPLES)), size - 1})
    for index in samples:
        check_inclusion(entries[index], index, tree.path(index, 0, size), size, root)
    records = export.check_records(entries)
    agencies = export.check_links(size, root)
    export.read("README.txt")
    receipts = check_receipts(arguments.receipts, key, entries, tree) if arguments.receipts else 0
    proofs = check_proofs(arguments.proofs, key, entries, tree) if arguments.proofs else 0
    if arguments.since:
        note = pathlib.Path(arguments.since).read_text(encoding="utf-8")
        older, its_root = key.checkpoint(note, "the older checkpoint")
        need(0 < older <= size, "the older checkpoint: the log has shrunk")
        need(tree.root(older) == its_root, "the older checkpoint: the log was rewritten")
    export.check_manifest(size)
    print(
        f"{key.name}: {size} entries, root {root.hex()}, {records} records, "
        f"{len(samples)} inclusion proofs, {receipts} receipts, {proofs} proofs: all hold; "
        f"complete for {', '.join(agencies)}"
    )


def main():
    parser = argparse.ArgumentParser(description="Verifies an export of a Portway log.")
    parser.add_argument("export", help="export directory")
    parser.add_argument("--vkey", help="file with the log's verifier key; else the export's own claim")
    parser.add_argument("--receipts", help="file of receipts, one JSON document a line")
    parser.add_argument("--proofs", help="file of records as `portway audit query --json` prints them")
    parser.add_argument("--witness", help="file with a verifier key of a witness that has to have cosigned the checkpoint")
    parser.add_argument("--since", help="older signed checkpoint that the log has to extend")
    try:
        verify(parser.parse_args())
    except Fault as fault:
        print(f"verify.py: {fault}", file=sys.stderr)
        return 1
    except (KeyError, ValueError) as error:
        print(f"verify.py: a part cannot be read: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
