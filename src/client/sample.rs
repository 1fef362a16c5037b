//! Samples for this room's tests: an identity with throw-away keys, and a log built by hand, signed by a
//! throw-away key, that gives the answers an honest broker would give.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    sync::Arc,
};

use bytes::Bytes;
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use ring::signature::Ed25519KeyPair;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Complete, Seen, delivery::Due, export::Chained};
use crate::{
    domain::{
        AgencyId, AlertId, Caller, Draft, Facts, Fields, Fingerprint, Purpose, QueryPurpose, Seat,
        Timestamp,
    },
    merkle::{
        Chain, Checkpoint, Hash, MemoryTree, Note, Signer, consistency, inclusion, leaf_hash, root,
    },
    pb::v1 as pb,
    record::{self, Disclosed, Event, Published, Record, Retention, Rotation, commitment},
};

pub(super) const TRUST_DOMAIN: &str = "exchange.example";
pub(super) const ORIGIN: &str = "exchange.example/portway/log";

const CONTENT_KEY: [u8; 32] = [3; 32];
const VIEW_KEY: [u8; 32] = [4; 32];
const TIME: Timestamp = Timestamp::from_ms(1_790_000_000_000);

pub(super) fn police() -> AgencyId {
    "police".parse().unwrap()
}

pub(super) fn council() -> AgencyId {
    "council".parse().unwrap()
}

pub(super) fn signer() -> Signer {
    Signer::new(ORIGIN, Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()).unwrap()
}

/// Another key under the same name.
pub(super) fn other_signer() -> Signer {
    seeded(8)
}

/// As many keys under the same name as are needed.
pub(super) fn seeded(seed: u8) -> Signer {
    Signer::new(ORIGIN, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
}

pub(super) fn sign(signer: &Signer, text: &str) -> String {
    Note::new(text, vec![signer.sign(text)]).unwrap().to_string()
}

/// Makes a whole identity directory of the police's case system.
pub(super) fn identity_dir() -> TempDir {
    identity_dir_of("agency/police/service/rms")
}

/// Makes a whole identity directory of anybody.
pub(super) fn identity_dir_of(seat: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(Vec::new()).unwrap();
    let id = format!("spiffe://{TRUST_DOMAIN}/{seat}");
    leaf.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    let cert = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    for (name, content) in [
        ("cert.pem", cert.pem()),
        ("key.pem", key.serialize_pem()),
        ("ca.pem", ca_cert.pem()),
        ("log.vkey", format!("{}\n", signer().vkey())),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir
}

/// A draft in canonical order.
pub(super) fn draft() -> pb::AlertDraft {
    let time = |ms| Some(record::timestamp_to_pb(Timestamp::from_ms(ms)));
    pb::AlertDraft {
        agreement: "city-asb".to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        r#type: pb::AlertType::AntisocialBehaviour.into(),
        subject_categories: vec![pb::SubjectCategory::Suspect.into()],
        certainty: pb::Certainty::Known.into(),
        assertion: pb::Assertion::Fact.into(),
        urgency: pb::Urgency::Routine.into(),
        area: "N1".to_owned(),
        time: time(TIME.ms() - 60_000),
        as_of: time(TIME.ms() - 30_000),
        expires_at: time(TIME.plus_days(7).ms()),
        case_reference: "A-17".to_owned(),
        ..pb::AlertDraft::default()
    }
}

pub(super) fn read(draft: &pb::AlertDraft) -> Draft {
    record::draft_from_pb(draft).unwrap()
}

/// A view that the council may see of an alert of the police.
pub(super) fn view() -> pb::View {
    pb::View {
        id: request_id(1).to_string(),
        source: format!("//{TRUST_DOMAIN}/agency/police"),
        agreement: "city-asb".to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        r#type: pb::AlertType::AntisocialBehaviour.into(),
        area: "N1".to_owned(),
        expires_at: Some(record::timestamp_to_pb(TIME.plus_days(7))),
        delete_after: Some(record::timestamp_to_pb(TIME.plus_days(30))),
        ..pb::View::default()
    }
}

pub(super) fn request_id(number: u64) -> Uuid {
    let millis = TIME.ms() + number;
    uuid::Builder::from_unix_timestamp_millis(millis, &[5; 10]).into_uuid()
}

/// What the council's stream is due before its first delivery.
pub(super) fn due() -> Due {
    Due {
        number: 1,
        subscription: Some(0),
        recipient: council(),
        purpose: Purpose::CrimeAndDisorder,
        trust_domain: TRUST_DOMAIN.to_owned(),
    }
}

/// Builds a log: its beginning, and then in turn a publication of the police, its disclosure to the
/// council, and the council's acknowledgement, until there are `size` records.
pub(super) fn log(size: u64) -> Log {
    let mut log = Log::new();
    let mut number = 0;
    while log.size() < size {
        match log.size() % 3 {
            1 => drop(log.publish(&draft(), request_id(log.size()))),
            2 => {
                number += 1;
                drop(log.disclose(number, &view()));
            }
            _ => {
                log.append(Event::Acknowledged { subscription: 0, number, agency: council() });
            }
        }
    }
    log
}

/// A log with everything that an honest broker knows of it.
#[derive(Clone)]
pub(super) struct Log {
    signer: Arc<Signer>,
    /// Keys that handed over, and the size of the tree with which they did.
    past: Vec<(Arc<Signer>, u64)>,
    tree: MemoryTree,
    shown: Vec<pb::LogRecord>,
    /// Per agency: number of its last record, and its index plus 1.
    links: HashMap<AgencyId, (u64, u64)>,
    /// Every opening.
    openings: BTreeMap<(AgencyId, u64), pb::LinkOpening>,
}

impl Log {
    pub(super) fn new() -> Self {
        let mut log = Self {
            signer: signer().into(),
            past: Vec::new(),
            tree: MemoryTree::new(),
            shown: Vec::new(),
            links: HashMap::new(),
            openings: BTreeMap::new(),
        };
        log.append(Event::LogStarted { origin: ORIGIN.to_owned(), vkey: log.signer.vkey() });
        log
    }

    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Writes a record, with the link opening that an officer of the police would get.
    pub(super) fn append(&mut self, event: Event) -> u64 {
        let index = self.size();
        let mut links = Vec::new();
        let mut opening = None;
        for agency in event.agencies() {
            let (number, previous) = self.links.get(agency).copied().unwrap_or_default();
            let nonce = commitment::link_nonce(&[6; 32], agency.as_str(), index);
            links.push(commitment::link(&nonce, agency.as_str(), number + 1, previous));
            self.links.insert(agency.clone(), (number + 1, index + 1));
            let nonce = nonce.to_vec().into();
            let opened = pb::LinkOpening { number: number + 1, previous, nonce };
            self.openings.insert((agency.clone(), index), opened.clone());
            if *agency == police() {
                opening = Some(opened);
            }
        }
        let at = Timestamp::from_ms(TIME.ms() + index);
        let record = record::encode(&Record { at, links, event });
        let salt = [u8::try_from(index % 251).unwrap(); 32];
        let leaf = commitment::record(&salt, &record);
        self.tree.append(leaf_hash(&leaf));
        self.shown.push(pb::LogRecord {
            index,
            leaf: leaf.to_vec().into(),
            salt: salt.to_vec().into(),
            record,
            link: opening,
        });
        index
    }

    /// Says that records below an index are erased, all of them recorded so many days ago or longer.
    pub(super) fn erase_records(&mut self, up_to: u64, days: u64) -> u64 {
        let age = std::time::Duration::from_secs(days * 86_400);
        let before = Timestamp::from_ms(TIME.ms() + self.size()).before(age);
        self.append(Event::Retention(Retention::RecordsErased { up_to, before }))
    }

    /// Goes on with another number for an agency, as a log that lies may.
    pub(super) fn skip_to(&mut self, agency: &AgencyId, number: u64) {
        self.links.entry(agency.clone()).or_default().0 = number;
    }

    /// Publishes an alert of the police and answers with its receipt.
    pub(super) fn publish(&mut self, draft: &pb::AlertDraft, id: Uuid) -> pb::Receipt {
        let draft = read(draft);
        let content = commitment::content(&CONTENT_KEY, &record::draft_bytes(&draft));
        let id = AlertId::from_bytes(id.as_bytes()).unwrap();
        let by = Seat::Service { agency: police(), name: "rms".parse().unwrap() };
        let index = self.append(Event::Published(Published {
            by: Caller { seat: by, certificate: Fingerprint([1; 32]) },
            facts: Facts::of(&draft, id, &police(), TIME.plus_days(30)),
            agreement: 0,
            flows: vec![0],
            slot: self.size(),
            content,
            rectifies: None,
        }));
        self.receipt(index)
    }

    /// Makes the receipt of a publication, in the newest tree.
    pub(super) fn receipt(&self, index: u64) -> pb::Receipt {
        let shown = self.shown_at(index);
        let Event::Published(published) = record::decode(&shown.record).unwrap().event else {
            panic!("record {index} is no publication");
        };
        pb::Receipt {
            alert: published.facts.id.to_string(),
            index,
            leaf: shown.leaf,
            checkpoint: self.note(self.size()),
            inclusion: self.inclusion(index, self.size()),
            consistency: Vec::new(),
            record: shown.record,
            salt: shown.salt,
            content_key: CONTENT_KEY.to_vec().into(),
            repeated_request: false,
        }
    }

    /// Discloses a view to the council and answers with the delivery.
    pub(super) fn disclose(&mut self, number: u64, view: &pb::View) -> pb::Delivery {
        let view: Bytes = view.encode_to_vec().into();
        let index = self.append(Event::Disclosed(Disclosed {
            published: 0,
            agreement: 0,
            flow: 0,
            subscription: 0,
            opened: 0,
            number,
            publisher: police(),
            recipient: council(),
            released: Fields::all(),
            withheld: Fields::NONE,
            view: commitment::view(&VIEW_KEY, &view),
            rules: Arc::default(),
            regime_change: false,
            delete_after: TIME.plus_days(30),
        }));
        let shown = self.shown_at(index);
        pb::Delivery {
            number,
            position: vec![9; 48].into(),
            view,
            view_key: VIEW_KEY.to_vec().into(),
            index,
            record: shown.record,
            salt: shown.salt,
            inclusion: self.inclusion(index, self.size()),
            checkpoint: self.note(self.size()),
            consistency: Vec::new(),
            redelivery: false,
        }
    }

    pub(super) fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint { origin: ORIGIN.to_owned(), size, root: root(&self.tree, size).unwrap() }
    }

    pub(super) fn note(&self, size: u64) -> String {
        let past = self.past.iter().map(|(signer, last)| (signer, Some(*last)));
        let mut signers = Vec::new();
        let mut first = 0;
        for (signer, last) in past.chain([(&self.signer, None)]) {
            if first <= size && last.is_none_or(|last| size <= last) {
                signers.push(signer.as_ref());
            }
            first = last.unwrap_or(first);
        }
        self.checkpoint(size).signed(&signers).unwrap().to_string()
    }

    /// Lets the key hand over to another, as an operator would have it.
    pub(super) fn rotate(&mut self, next: Signer) {
        let seat = Seat::Operator { id: "ops-1".parse().unwrap() };
        let by = Caller { seat, certificate: Fingerprint([2; 32]) };
        let (old, new) = (self.signer.vkey(), next.vkey());
        let index = self.append(Event::KeyRotated { by, old, new });
        self.past.push((std::mem::replace(&mut self.signer, next.into()), index + 1));
    }

    /// Returns the proofs of all rotations.
    pub(super) fn rotations(&self) -> Vec<Rotation> {
        let proof = |(_, size): &(Arc<Signer>, u64)| {
            let shown = self.shown_at(size - 1);
            Rotation {
                index: size - 1,
                record: shown.record,
                salt: shown.salt.as_ref().try_into().unwrap(),
                inclusion: inclusion(&self.tree, size - 1, *size).unwrap(),
                checkpoint: self.note(*size),
            }
        };
        self.past.iter().map(proof).collect()
    }

    /// Returns the keys.
    pub(super) fn chain(&self) -> Chain {
        Rotation::chain(self.signer.verifier(), &self.rotations()).unwrap()
    }

    pub(super) fn seen(&self, size: u64) -> Seen {
        Seen { checkpoint: self.checkpoint(size), note: self.note(size) }
    }

    pub(super) fn inclusion(&self, index: u64, size: u64) -> Vec<Bytes> {
        as_bytes(&inclusion(&self.tree, index, size).unwrap())
    }

    pub(super) fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        consistency(&self.tree, from, to).unwrap()
    }

    pub(super) fn shown_at(&self, index: u64) -> pb::LogRecord {
        self.shown[usize::try_from(index).unwrap()].clone()
    }

    pub(super) fn entries(&self) -> Vec<[u8; 32]> {
        self.shown.iter().map(|shown| shown.leaf.as_ref().try_into().unwrap()).collect()
    }

    /// Returns the record at an index as an officer of the agency sees it, with its proof.
    pub(super) fn proven(&self, agency: &AgencyId, index: u64) -> pb::ProvenRecord {
        let link = self.openings.get(&(agency.clone(), index)).cloned();
        let record = Some(pb::LogRecord { link, ..self.shown_at(index) });
        pb::ProvenRecord { record, inclusion: self.inclusion(index, self.size()) }
    }

    /// Answers an officer who asks for all records linked to the agency in a range; no end is that of the question.
    pub(super) fn complete(
        &mut self,
        agency: &AgencyId,
        (start, end): (u64, Option<u64>),
    ) -> Complete {
        let seat = Seat::Officer { agency: agency.clone(), id: "ig-1".parse().unwrap() };
        let by = Caller { seat, certificate: Fingerprint([3; 32]) };
        let end = end.unwrap_or(self.size());
        let closing = {
            let (purpose, about) = (QueryPurpose::Lawfulness, None);
            self.append(Event::Consulted { by, purpose, start, end, about })
        };
        let linked: Vec<u64> =
            self.openings.keys().filter(|(it, _)| it == agency).map(|(_, index)| *index).collect();
        let before = linked.iter().rfind(|index| **index < start);
        let behind = linked.iter().find(|index| **index >= end);
        let within = linked.iter().filter(|index| (start..end).contains(index));
        let shown = before.into_iter().chain(within).chain(behind);
        let records = shown.map(|index| self.proven(agency, *index)).collect();
        let is_erasure = |shown: &&pb::LogRecord| {
            let event = record::decode(&shown.record).unwrap().event;
            matches!(event, Event::Retention(Retention::RecordsErased { .. }))
        };
        let erased = self.shown.iter().rfind(is_erasure).map(|it| self.proven(agency, it.index));
        let claim = pb::Completeness {
            erased,
            agency: agency.to_string(),
            start,
            end,
            checkpoint: self.note(self.size()),
            closing: Some(self.proven(agency, closing)),
            ..pb::Completeness::default()
        };
        Complete { claim, records }
    }

    /// Shows all links of an agency below `size`, and how they end, as an export does.
    pub(super) fn chained(&mut self, agency: &AgencyId, size: u64) -> Chained {
        let Complete { claim, records } = self.complete(agency, (size, Some(size)));
        let consistency = as_bytes(&self.consistency(size, self.size()));
        let closed = pb::LinksClosed { completeness: Some(claim), records, consistency };
        let below =
            |((it, index), _): &(&(AgencyId, u64), &pb::LinkOpening)| it == agency && *index < size;
        let openings = self.openings.iter().filter(below);
        let openings = openings.map(|((_, index), opening)| (*index, opening.clone()));
        Chained { openings: openings.collect(), closed }
    }

    /// Returns the records that an officer of the police may see.
    pub(super) fn shown_to_police(&self) -> Vec<pb::LogRecord> {
        let concerns = |shown: &&pb::LogRecord| {
            let event = record::decode(&shown.record).unwrap().event;
            event.agencies().is_empty() || event.agencies().contains(&&police())
        };
        self.shown.iter().filter(concerns).cloned().collect()
    }
}

pub(super) fn as_bytes(hashes: &[Hash]) -> Vec<Bytes> {
    hashes.iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect()
}
