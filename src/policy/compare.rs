//! Two versions of an agreement side by side: who gains and who loses what. It compares what is written; whether
//! it may be shared is for the rules to say.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    AgencyId, Agreement, AlertType, Fields, Flow, Party, Purpose, SubjectCategory,
};

/// What one version has and the other has not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Comparison {
    /// What one party may tell another, where it differs, in order of sender, recipient and purpose.
    pub passages: Vec<PassageChange>,
    /// What is said of a party, where it differs; a party that is new or gone is told by `party`.
    pub parties: Vec<PartyChange>,
    /// What is said of the whole agreement, where it differs.
    pub terms: Vec<Change>,
}

/// What changes between one sender and one recipient for one purpose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PassageChange {
    /// The sender.
    pub from: AgencyId,
    /// The recipient.
    pub to: AgencyId,
    /// The purpose.
    pub purpose: Purpose,
    /// What the recipient gains.
    pub gained: Grants,
    /// What the recipient loses.
    pub lost: Grants,
    /// The codes of law that become others.
    pub law: Vec<Change>,
}

/// What a recipient may be told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grants {
    /// Types of alert.
    pub types: BTreeSet<AlertType>,
    /// Categories of subject.
    pub categories: BTreeSet<SubjectCategory>,
    /// Fields.
    pub fields: Fields,
}

/// What changes of one party.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartyChange {
    /// The party.
    pub agency: AgencyId,
    /// What of it.
    pub change: Change,
}

/// Something that is said otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Its key in the file.
    pub what: &'static str,
    /// As it was; empty = not said.
    pub old: String,
    /// As it would be; empty = not said.
    pub new: String,
}

impl Comparison {
    /// Compares two versions.
    pub fn between(old: &Agreement, new: &Agreement) -> Self {
        Self { passages: passages(old, new), parties: parties(old, new), terms: terms(old, new) }
    }

    /// Tells whether they say the same.
    pub fn is_empty(&self) -> bool {
        self.passages.is_empty() && self.parties.is_empty() && self.terms.is_empty()
    }
}

impl Grants {
    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty() && self.categories.is_empty() && self.fields.is_empty()
    }

    fn of(flow: &Flow) -> Self {
        Self {
            types: flow.alert_types.clone(),
            categories: flow.subject_categories.clone(),
            fields: flow.fields,
        }
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            types: self.types.difference(&other.types).copied().collect(),
            categories: self.categories.difference(&other.categories).copied().collect(),
            fields: self.fields.without(other.fields),
        }
    }
}

type Place<'a> = (&'a AgencyId, &'a AgencyId, Purpose);

/// The first flow of each passage: the one that decides.
fn by_place(agreement: &Agreement) -> BTreeMap<Place<'_>, &Flow> {
    let mut places = BTreeMap::new();
    for flow in &agreement.flows {
        for to in &flow.to {
            places.entry((&flow.from, to, flow.purpose)).or_insert(flow);
        }
    }
    places
}

fn passages(old: &Agreement, new: &Agreement) -> Vec<PassageChange> {
    let (old, new) = (by_place(old), by_place(new));
    let places: BTreeSet<&Place<'_>> = old.keys().chain(new.keys()).collect();
    let change = |place: &Place<'_>| {
        let (was, is) = (old.get(place).copied(), new.get(place).copied());
        let (had, has) =
            (was.map(Grants::of).unwrap_or_default(), is.map(Grants::of).unwrap_or_default());
        // A passage that is new or gone is told by what it grants.
        let law = was.zip(is).map(|(was, is)| changes(law(was), law(is))).unwrap_or_default();
        let (gained, lost) = (has.without(&had), had.without(&has));
        let (from, to, purpose) = (place.0.clone(), place.1.clone(), place.2);
        PassageChange { from, to, purpose, gained, lost, law }
    };
    let all = places.into_iter().map(change);
    all.filter(|it| !(it.gained.is_empty() && it.lost.is_empty() && it.law.is_empty())).collect()
}

type Said = Vec<(&'static str, String)>;

fn law(flow: &Flow) -> Said {
    vec![
        ("gateway", flow.gateway.to_string()),
        ("lawful_basis", flow.lawful_basis.to_string()),
        ("special_condition", said(flow.special_condition.as_ref())),
        ("schedule_paragraph", said(flow.schedule_paragraph.as_ref())),
        ("no_consent_reason", said(flow.no_consent_reason.as_ref())),
        ("offence_condition", said(flow.offence_condition.as_ref())),
        ("confidentiality_basis", said(flow.confidentiality_basis.as_ref())),
        ("authorised_by", said(flow.authorised_by.as_ref())),
    ]
}

fn parties(old: &Agreement, new: &Agreement) -> Vec<PartyChange> {
    let names: BTreeSet<&AgencyId> =
        old.parties.iter().chain(&new.parties).map(|party| &party.agency).collect();
    let of_one = |agency: &AgencyId| {
        let (was, is) = (old.party(agency), new.party(agency));
        let changes = match (was, is) {
            (Some(was), Some(is)) => changes(party(was), party(is)),
            (was, is) => {
                let kind = |party: Option<&Party>| said(party.map(|party| party.kind).as_ref());
                changes(vec![("party", kind(was))], vec![("party", kind(is))])
            }
        };
        let agency = agency.clone();
        changes.into_iter().map(move |change| PartyChange { agency: agency.clone(), change })
    };
    names.into_iter().flat_map(of_one).collect()
}

fn party(party: &Party) -> Said {
    // Taken apart, so that what is added to a party cannot be left out here.
    let Party {
        agency: _,
        kind,
        regime,
        faces_suspects,
        professional_secrecy,
        names_staff,
        acting_for,
        policy_document,
    } = party;
    let document = policy_document.as_ref();
    vec![
        ("kind", kind.to_string()),
        ("regime", regime.to_string()),
        ("faces_suspects", faces_suspects.to_string()),
        ("professional_secrecy", professional_secrecy.to_string()),
        ("names_staff", names_staff.to_string()),
        ("acting_for", said(acting_for.as_ref())),
        ("policy_document", said(document.map(|it| &it.reference))),
        ("policy_document_until", said(document.map(|it| &it.until))),
    ]
}

fn terms(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let terms = |it: &Agreement| {
        vec![
            ("id", it.id.to_string()),
            ("title", it.title.clone()),
            ("starts", it.starts.to_string()),
            ("ends", it.ends.to_string()),
            ("review", it.review.to_string()),
            ("dpia", it.dpia.clone()),
            ("retention", it.retention.to_string()),
            ("delete_after_days", it.delete_after_days.to_string()),
            ("delivery", it.delivery.to_string()),
            ("type_retention", types_kept(it)),
        ]
    };
    changes(terms(old), terms(new))
}

fn types_kept(it: &Agreement) -> String {
    let kept = it.type_retention.iter();
    let kept = kept.map(|(kind, it)| format!("{kind} {} {}", it.retention, it.delete_after_days));
    kept.collect::<Vec<_>>().join(", ")
}

fn changes(old: Said, new: Said) -> Vec<Change> {
    let pairs = old.into_iter().zip(new);
    let all = pairs.map(|((what, old), (_, new))| Change { what, old, new });
    all.filter(|it| it.old != it.new).collect()
}

fn said(code: Option<&impl ToString>) -> String {
    code.map(ToString::to_string).unwrap_or_default()
}
