"""What an agency checks of Portway's log, from the public formats alone: C2SP signed-note and tlog-checkpoint, the
proofs of RFC 6962 (RFC 9162 section 2.1 has the algorithms), and Portway's commitments (docs/log-format.md)."""

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 0x01


class Fault(Exception):
    """What does not verify."""


def need(holds, what):
    if not holds:
        raise Fault(what)


def commitment(key, label, data):
    """HMAC-SHA-256 under the key, over the label, a zero byte and the data."""
    return hmac.digest(key, label.encode() + b"\0" + data, "sha256")


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_inclusion(entry, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    need(index < size, "the entry lies beyond the tree")
    node, last, hashed = index, size - 1, leaf_hash(entry)
    for sibling in path:
        need(last > 0, "the audit path is too long")
        if node & 1 or node == last:
            hashed = node_hash(sibling, hashed)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        node, last = node >> 1, last >> 1
    need(last == 0, "the audit path is too short")
    return hashed


def check_consistency(old, new, path):
    """RFC 9162 section 2.1.4.2, for trees given as (size, root)."""
    (first, first_root), (second, second_root) = old, new
    need(first <= second, "the log has shrunk")
    if first in (0, second):
        need(not path and (first == 0 or first_root == second_root), "the log was rewritten")
        return
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    need(path, "the consistency proof is empty")
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    left = right = path[0]
    for sibling in path[1:]:
        need(last > 0, "the consistency proof is too long")
        if node & 1 or node == last:
            left, right = node_hash(sibling, left), node_hash(sibling, right)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            right = node_hash(right, sibling)
        node, last = node >> 1, last >> 1
    need(last == 0 and left == first_root and right == second_root, "the log was rewritten")


class Log:
    """The log as one client knows it: its key, and the newest tree that was verified. Checkpoints only move forward."""

    def __init__(self, vkey):
        self.name, key_id, key = vkey.strip().split("+", 2)
        key = base64.b64decode(key, validate=True)
        need(len(key) == 33 and key[0] == ED25519, "not an Ed25519 key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        need(self.id.hex() == key_id, "the key's id is not its own")
        self.key = Ed25519PublicKey.from_public_bytes(key[1:])
        self.tree = (0, b"")
        self.note = ""

    @property
    def size(self):
        return self.tree[0]

    def open(self, note):
        """Returns the size and root that a checkpoint of this log signs."""
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        ours = f"\N{EM DASH} {self.name} "
        lines = [line.removeprefix(ours) for line in signatures.splitlines() if line.startswith(ours)]
        need(len(lines) == 1, "not signed by this log")
        signature = base64.b64decode(lines[0], validate=True)
        need(signature[:4] == self.id, "signed by another key")
        try:
            self.key.verify(signature[4:], text.encode())
        except InvalidSignature as error:
            raise Fault("the signature is not the log's") from error
        origin, size, root = text.splitlines()[:3]
        need(origin == self.name, "a checkpoint of another log")
        return int(size), base64.b64decode(root, validate=True)

    def advance(self, note, consistency, known=None):
        """Verifies a checkpoint, and that its tree extends the tree known (the newest one unless given)."""
        known, tree = known or self.tree, self.open(note)
        check_consistency(known, tree, consistency)
        if tree[0] >= self.size:
            self.tree, self.note = tree, note
        return tree

    def check_entry(self, index, salt, record, proof, tree):
        """Verifies that a record stands in a tree at its index; returns the entry."""
        entry = commitment(salt, "portway/v1/record", record)
        size, root = tree
        need(root_of_inclusion(entry, index, size, proof) == root, f"entry {index} is not in the log")
        return entry
