// Verifies an export of a Portway log and proofs of its records with the signed notes and the Merkle code of
// sigstore-js; HMAC and SHA-256 of whole trees are Node's. Usage: verify.cjs EXPORT PROOFS VKEY, as for tiles.
// Exit 0 where everything holds, 1 where something does not, with the first fault on stderr. Of the export it reads
// the checkpoint and the entries.
'use strict';
const { createHash, createHmac, createPublicKey } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

// The package exports neither by name.
const dist = dirname(require.resolve('@sigstore/verify'));
const { verifyCheckpoint } = require(join(dist, 'tlog/checkpoint.js'));
const { verifyMerkleInclusion } = require(join(dist, 'tlog/merkle.js'));

const WIDTH = 256;
const FRAME = 34;
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

const need = (holds, what) => {
  if (!holds) throw new Error(what);
};
const bytes = (text) => Buffer.from(text, 'base64');
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** The log, as sigstore-js knows one: by the first bytes of an id, a key and a name. */
function log(vkey) {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey.trim());
  need(parts, 'verifier key: not of the form name+id+key');
  const [, name, id, key] = parts;
  const raw = bytes(key);
  need(raw.length === 33 && raw[0] === 1, 'verifier key: not Ed25519');
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, raw.subarray(1)]), format: 'der', type: 'spki' });
  return { logID: Buffer.from(id, 'hex'), publicKey, baseURL: name };
}

const open = (note, logs) => verifyCheckpoint({ inclusionProof: { checkpoint: { envelope: note } } }, logs);

/** C2SP tlog-tiles: three digits a directory, an x before each but the last. */
function bundle(number, width) {
  const digits = String(number).padStart(Math.ceil(String(number).length / 3) * 3, '0').match(/.{3}/g);
  const path = digits.map((it, place) => (place < digits.length - 1 ? `x${it}` : it)).join('/');
  return `tile/entries/${path}${width === WIDTH ? '' : `.p/${width}`}`;
}

/** The root over all entries, RFC 6962 section 2.1, level by level. */
function root(leaves) {
  let level = leaves;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) {
      above.push(at + 1 < level.length ? sha256('\x01', level[at], level[at + 1]) : level[at]);
    }
    level = above;
  }
  return level[0];
}

function checkExport(dir, logs) {
  const checkpoint = open(readFileSync(join(dir, 'checkpoint'), 'utf8'), logs);
  const size = Number(checkpoint.logSize);
  const leaves = [];
  for (let number = 0; number * WIDTH < size; number += 1) {
    const width = Math.min(WIDTH, size - number * WIDTH);
    const path = bundle(number, width);
    const entries = readFileSync(join(dir, path));
    need(entries.length === width * FRAME, `${path}: not ${width} entries`);
    for (let at = 0; at < entries.length; at += FRAME) {
      need(entries.readUInt16BE(at) === 32, `${path}: not framed as an entry of 32 bytes`);
      leaves.push(sha256('\x00', entries.subarray(at + 2, at + FRAME)));
    }
  }
  need(root(leaves).equals(checkpoint.logHash), 'checkpoint: the entries make another root');
  return size;
}

function checkProof(line, logs) {
  const { record, inclusion = [], checkpoint } = JSON.parse(line);
  const tree = open(checkpoint, logs);
  const commitment = createHmac('sha256', bytes(record.salt))
    .update('portway/v1/record\0')
    .update(bytes(record.record))
    .digest();
  need(commitment.equals(bytes(record.leaf)), 'its leaf commits to another record');
  const inclusionProof = { logIndex: record.index ?? '0', hashes: inclusion.map(bytes) };
  verifyMerkleInclusion({ canonicalizedBody: commitment, inclusionProof }, tree);
}

try {
  const [dir, proofs, vkey] = process.argv.slice(2);
  const logs = [log(readFileSync(vkey, 'utf8'))];
  const size = checkExport(dir, logs);
  const lines = readFileSync(proofs, 'utf8').trimEnd().split('\n');
  lines.forEach((line, at) => {
    try {
      checkProof(line, logs);
    } catch (fault) {
      throw new Error(`proof ${at + 1}: ${fault.message}`);
    }
  });
  console.log(`sigstore-js: ${size} entries, ${lines.length} proofs`);
} catch (fault) {
  console.error(`sigstore-js: ${fault.message}`);
  process.exitCode = 1;
}
