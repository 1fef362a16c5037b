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


class Key:
    """A key of the log: signs under the log's name."""

    def __init__(self, vkey):
        self.vkey = vkey.strip()
        self.name, key_id, key = self.vkey.split("+", 2)
        key = base64.b64decode(key, validate=True)
        need(len(key) == 33 and key[0] == ED25519, "not an Ed25519 key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        need(self.id.hex() == key_id, "the key's id is not its own")
        self.key = Ed25519PublicKey.from_public_bytes(key[1:])

    def signed(self, note):
        """Whether the key has signed a note. Signatures of others are passed over; a false one of its own is a fault."""
        text, _, signatures = note.rpartition("\n\n")
        ours = f"\N{EM DASH} {self.name} "
        lines = [line.removeprefix(ours) for line in signatures.splitlines() if line.startswith(ours)]
        lines = [base64.b64decode(line, validate=True) for line in lines]
        lines = [line[4:] for line in lines if line[:4] == self.id]
        for signature in lines:
            try:
                self.key.verify(signature, f"{text}\n".encode())
            except InvalidSignature as error:
                raise Fault("the signature is not the log's") from error
        return bool(lines)


class Log:
    """The log as one client knows it: its keys, and the newest tree that was verified. Checkpoints only move forward.
    `rotations(after)` brings the rotations of its key after a tree size, each with the two keys that its record names;
    `consistency(older, newer)` the proof between two sizes."""

    def __init__(self, vkey, rotations, consistency):
        # Each key with the size of the tree that it handed over with.
        self.past, self.newest = [], Key(vkey)
        self.name = self.newest.name
        self.rotations, self.consistency = rotations, consistency
        self.tree = (0, b"")
        self.note = ""

    @property
    def size(self):
        return self.tree[0]

    def parse(self, note):
        """Returns the size and root that a note says, whoever signed it."""
        origin, size, root = note.rpartition("\n\n")[0].splitlines()[:3]
        need(origin == self.name, "a checkpoint of another log")
        return int(size), base64.b64decode(root, validate=True)

    def is_signed(self, note, size):
        """Whether all keys have signed whose time it is; two have where one hands over to the other."""
        first = next((at for at, (_, last) in enumerate(self.past) if size <= last), len(self.past))
        keys = [key for key, _ in self.past] + [self.newest]
        hands_over = first < len(self.past) and self.past[first][1] == size
        return all(key.signed(note) for key in keys[first : first + 1 + hands_over])

    def open(self, note):
        """Returns the size and root that a checkpoint of this log signs. A key that is not known is followed first."""
        size, root = self.parse(note)
        if not self.is_signed(note, size):
            self.follow()
            need(self.is_signed(note, size), "not signed by this log")
            # The tree that handed over lies on the way to this one.
            if self.size < size:
                check_consistency(self.tree, (size, root), self.consistency(self.size, size))
        return size, root

    def follow(self):
        """Follows the log's key to the one that signs now: both signed the tree whose last entry names both."""
        for rotation, old, new in self.rotations(self.past[-1][1] if self.past else 0):
            size, root = self.parse(rotation.checkpoint)
            key = Key(new)
            need(old == self.newest.vkey and key.name == self.name, "a rotation of another key")
            signed = self.newest.signed(rotation.checkpoint) and key.signed(rotation.checkpoint)
            need(signed, "a rotation that both keys did not sign")
            need(size == rotation.index + 1, "a rotation that does not end its tree")
            self.check_entry(rotation.index, rotation.salt, rotation.record, rotation.inclusion, (size, root))
            older, newer = sorted([self.tree, (size, root)])
            if older[0]:
                check_consistency(older, newer, self.consistency(older[0], newer[0]))
            self.past.append((self.newest, size))
            self.newest = key
            if size > self.size:
                self.tree, self.note = (size, root), rotation.checkpoint

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
