//! The promises by name. Each holds what came out against the log as the audit has read it.

use prost::Message;

use super::{ask::Request, kept, world::World};
use crate::domain::{AgencyId, AgreementId, Field, Fields, Name, Reason};
use crate::exchange::SubscriptionStanding;
use crate::journal::Journal;
use crate::ledger::{Commit, Delivery, Outgoing, PublishAnswer, Release};
use crate::merkle::{self, Checkpoint, leaf_hash, verify_inclusion};
use crate::pb::v1 as pb;
use crate::record::{self, commitment};

/// P1: of the fields in the view's own bytes, each is granted by the second evaluator at the time of
/// the record (the audit has compared that with the record's `released`).
pub(super) fn p1_a_released_view_holds_what_is_permitted(world: &World, release: &Release) {
    let Outgoing::Delivery(delivery) = &release.outgoing else { return };
    let (disclosed, _) = &world.audit.disclosures[&delivery.index];
    let view = pb::View::decode(delivery.view.as_ref()).unwrap();
    let present = fields_of(&view);
    assert_eq!(present.without(disclosed.released), Fields::NONE, "P1: more than is permitted");
    assert_eq!(disclosed.released.without(present), Fields::NONE, "less than is recorded");
    let alert = &world.audit.alerts[&disclosed.published];
    assert_eq!(view.id, alert.published.facts.id.to_string());
    assert_eq!(*delivery.facts, alert.published.facts);
}

fn fields_of(view: &pb::View) -> Fields {
    let indicates = |it: pb::Indicator| view.indicators.contains(&i32::from(it));
    [
        (Field::Type, view.r#type != 0),
        (Field::Subject, !view.subject.is_empty()),
        (Field::SubjectCategories, !view.subject_categories.is_empty()),
        (Field::Indicators, indicates(pb::Indicator::Homelessness)),
        (Field::SafeguardingIndicators, indicates(pb::Indicator::AdultAtRisk)),
        (Field::Certainty, view.certainty != 0),
        (Field::Assertion, view.assertion != 0),
        (Field::Grading, view.grading.is_some()),
        (Field::Urgency, view.urgency != 0),
        (Field::Route, view.route.is_some()),
        (Field::Area, !view.area.is_empty()),
        (Field::RequestedAction, view.requested_action.is_some()),
        (Field::Time, view.time.is_some()),
        (Field::AsOf, view.as_of.is_some()),
        (Field::Contact, view.contact.is_some()),
        (Field::CaseReference, !view.case_reference.is_empty()),
    ]
    .into_iter()
    .filter_map(|(field, present)| present.then_some(field))
    .collect()
}

/// P2: the record stands where the receipt says, commits to exactly these bytes, and is proven.
pub(super) fn p2_a_release_is_in_the_log(world: &World, release: &Release) {
    let recorded = release.receipt.index();
    is_proven(world, recorded, release.receipt.commit());
    let Outgoing::Delivery(delivery) = &release.outgoing else { return };
    let (disclosed, _) = &world.audit.disclosures[&delivery.index];
    let view = commitment::view(&delivery.view_key, &delivery.view);
    assert_eq!(view, disclosed.view, "P2: other bytes than the record commits to");
    assert_eq!(release.number, disclosed.number);
    stands(world, delivery);
    is_proven(world, delivery.index, release.receipt.commit());
    let repeats = world.audit.redeliveries.get(&recorded).map(|(disclosed, _)| *disclosed);
    assert_eq!(repeats.is_some(), delivery.redelivery);
    assert_eq!(repeats.unwrap_or(recorded), delivery.index, "P2: released on another's record");
}

fn stands(world: &World, delivery: &Delivery) {
    let frames = world.journal.read(delivery.index..delivery.index + 1, 1).unwrap();
    assert_eq!((&frames[0].record, frames[0].salt), (&delivery.record, delivery.salt));
}

pub(super) fn is_proven(world: &World, index: u64, commit: &Commit) {
    let checkpoint =
        world.writer.secrets.signing.chain().unwrap().open(&commit.checkpoint).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (commit.size, commit.root));
    assert!(index < commit.size, "P2: the checkpoint does not cover it");
    let leaf = leaf_hash(&world.audit.leaves[usize::try_from(index).unwrap()]);
    let proof = world.writer.tree.inclusion(index, commit.size).unwrap();
    verify_inclusion(&leaf, index, commit.size, &proof, &commit.root).unwrap();
}

/// P2: a turn whose commit failed, or that did not write, tells nobody anything.
pub(super) fn p2_nothing_of_a_lost_turn_is_told(released: bool, all_unavailable: bool) {
    assert!(!released, "P2: released in a turn that was not committed");
    assert!(all_unavailable, "P2: answered in a turn that was not committed");
}

/// P3: the record stands, commits to what was handed in, and a repeat is told the same.
pub(super) fn p3_an_acknowledged_publish_is_kept(
    world: &mut World,
    request: &Request,
    answer: &PublishAnswer,
) {
    let index = answer.receipt.index();
    is_proven(world, index, answer.receipt.commit());
    let frame = world.journal.read(index..index + 1, 1).unwrap().remove(0);
    assert_eq!((frame.leaf, &frame.record), (answer.leaf, &answer.record));
    assert_eq!(commitment::record(&answer.salt, &answer.record), answer.leaf);
    let alert = &world.audit.alerts[&index];
    assert_eq!((alert.published.facts.id, &alert.draft), (request.id, &request.draft));
    let bytes = record::draft_bytes(&request.draft);
    assert_eq!(commitment::content(&answer.content_key, &bytes), alert.published.content);
    let key = (request.by.seat.agency().unwrap().clone(), request.id);
    if let Some(told) = world.told.insert(key, (index, answer.leaf)) {
        assert_eq!(told, (index, answer.leaf), "a repeat is told something else");
        assert!(answer.repeated);
        world.audit.count("repeated");
    }
}

/// A request id counts as reused only where the same one stands in the log with other content.
pub(super) fn a_request_id_is_refused_for_a_reason(
    world: &World,
    request: &Request,
    (reason, decision): (Reason, u64),
) {
    let key = (request.by.seat.agency().unwrap().clone(), request.id);
    let known = world.audit.requests.get(&key).filter(|index| **index < decision);
    let known = known.map(|index| &world.audit.alerts[index].draft);
    let age = world.now().ms().saturating_sub(request.id.made_at_ms());
    if reason == Reason::RequestIdReused {
        assert!(known.is_some_and(|draft| *draft != request.draft));
    } else if reason == Reason::Erased {
        let index = world.audit.requests.get(&key).copied();
        assert!(kept::is_erased_request(world, index), "told of an erasure that never was");
    } else if reason == Reason::RequestIdTooOld {
        assert!(age > 24 * 3_600_000);
    } else if reason != Reason::WrongRole && reason != Reason::AgencySuspended {
        assert_eq!(known, None, "a known publish was decided anew");
    }
}

/// P4: when a withdrawal is answered, no connection holds anything under it, whether its stream is open
/// or has ended: a slow reader may not have taken yet what an ended stream was given.
pub(super) fn p4_a_withdrawal_has_cut(world: &mut World, id: &AgreementId, index: u64) {
    for stream in world.streams.iter().filter(|it| !it.cut) {
        let Some(key) = stream.key else { continue };
        let acknowledged = world.audit.subscriptions[&key.subscription].acknowledged;
        let holds = stream
            .got
            .iter()
            .any(|it| acknowledged < it.number && it.agreement.as_ref() == Some(id));
        assert!(!holds, "P4: a stream that holds something under it was not cut");
    }
    world.withdrawn.push((id.clone(), index));
}

/// P4: when a deletion is answered, the subscription has no open stream.
pub(super) fn p4_a_deleted_subscription_is_cut(
    world: &mut World,
    (agency, name): (&AgencyId, &Name),
    index: u64,
) {
    let deleted = world.audit.subscriptions.iter().rev().find(|(created, it)| {
        **created < index && it.agency == *agency && it.subscription.name == *name
    });
    let (subscription, asked) = deleted.expect("deleted what was never created");
    assert!(asked.deleted);
    assert!(!world.streams.iter().any(|it| it.listens() && it.is_of(*subscription)), "P4: not cut");
    world.deleted.push(*subscription);
}

/// P4: when a suspension is answered, no stream of the agency is left, but for one that was opened once the agency was
/// reinstated in the same turn; what is disclosed after its record the audit finds.
pub(super) fn p4_a_suspension_has_cut(world: &World, agency: &AgencyId, index: u64) {
    for stream in world.streams.iter().filter(|it| it.agency == *agency && it.open) {
        let Some(key) = stream.key else { continue };
        let mut since = world.audit.opened.range(index..);
        let is_newer = since.any(|(_, subscription)| *subscription == key.subscription);
        assert!(is_newer, "P4: a stream of a suspended agency was not cut");
    }
}

/// P4: after the answer, only a version that was proposed since can let anything leave.
pub(super) fn p4_nothing_leaves_after_a_withdrawal(world: &World, release: &Release) {
    let Outgoing::Delivery(delivery) = &release.outgoing else { return };
    let (disclosed, first) = &world.audit.disclosures[&delivery.index];
    let repeated = world.audit.redeliveries.get(&release.receipt.index());
    let version = repeated.map_or(*first, |(_, version)| *version);
    for (agreement, index) in &world.withdrawn {
        assert!(
            *agreement != delivery.facts.agreement || *index < version,
            "P4: released under a withdrawn agreement"
        );
    }
    assert!(!world.deleted.contains(&disclosed.subscription), "P4: released to a deleted one");
}

/// Numbers follow each other on a stream, except over what its subscriber has acknowledged, and no
/// more are delivered than credit allows.
pub(super) fn numbers_have_no_unexplained_gap(world: &mut World, stream: usize, release: &Release) {
    let stream = &mut world.streams[stream];
    assert!(stream.listens(), "released on a stream that has ended");
    let subscription = stream.key.expect("released before it was open").subscription;
    let asked = &world.audit.subscriptions[&subscription];
    let (number, next) = (release.number, stream.next.unwrap());
    assert!(next <= number, "number {number} after {next} was due");
    assert!(number == next || number <= asked.acknowledged + 1, "{number} came, {next} was due");
    assert!(asked.acknowledged < number && number <= asked.delivered());
    stream.next = Some(number + 1);
    let (agreement, published) = match &release.outgoing {
        Outgoing::Delivery(delivery) => {
            stream.deliveries += 1;
            assert!(stream.deliveries <= stream.credit, "more than credit allows");
            world.came.insert((subscription, number), true);
            let published = world.audit.disclosures[&delivery.index].0.published;
            assert!(
                !world.audit.is_stopped(published),
                "P4: {published} left though it is stopped"
            );
            (Some(delivery.facts.agreement.clone()), Some(published))
        }
        Outgoing::Skipped(_) => {
            let place = usize::try_from(number - 1).unwrap();
            assert!(asked.numbers[place].skipped, "told of a skip that is not recorded");
            world.came.entry((subscription, number)).or_insert(false);
            (None, None)
        }
    };
    let position = release.position.clone();
    stream.got.push(super::stream::Got { number, agreement, published, position });
}

/// What an agency is told of its subscriptions is what the log says at the end of the turn, or a
/// little less: the turn's own deliveries come after.
pub(super) fn a_listing_is_what_the_log_says(
    world: &World,
    agency: &AgencyId,
    list: &[SubscriptionStanding],
) {
    for standing in list {
        let asked = &world.audit.subscriptions[&standing.index];
        assert_eq!(asked.agency, *agency);
        assert_eq!(asked.subscription.name, standing.subscription.name);
        assert!(standing.acknowledged <= standing.delivered);
        assert!(standing.delivered <= asked.delivered());
        assert!(standing.acknowledged <= asked.acknowledged);
        assert!(standing.subscription.filter.tokens.is_empty(), "tokens were listed");
    }
}

/// A key is answered for once it has signed, and the last entry of that tree says who made it.
pub(super) fn a_rotation_ends_its_tree(world: &mut World, index: u64, commit: &Commit) {
    assert_eq!(commit.size, index + 1, "something stands behind the rotation");
    let (_, first) = world.audit.keys.last().unwrap();
    assert_eq!(*first, commit.size, "the newest key is another");
}

/// The log is whole: the newest checkpoint is of the tree over all leaves, under the log's key.
pub(super) fn the_log_is_whole(world: &World) {
    let head = world.journal.head();
    assert_eq!(head.size, world.audit.size);
    if head.size == 0 {
        return;
    }
    let checkpoint = world.writer.secrets.signing.chain().unwrap().open(&head.checkpoint).unwrap();
    let root = merkle::root(&world.audit.tree, head.size).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (head.size, root));
    // The keys by what the log says of them: both of a rotation signed the tree that it ends.
    let (newest, first) = world.audit.keys.last().unwrap();
    assert!(Checkpoint::open(&head.checkpoint, newest).is_ok(), "not signed by the newest key");
    if let [.., (before, _), _] = world.audit.keys.as_slice() {
        let is_signed = Checkpoint::open(&head.checkpoint, before).is_ok();
        assert_eq!(is_signed, *first == head.size, "the key before signs what it should not");
    }
    let newest = world.writer.newest();
    assert_eq!((newest.size, newest.root), (head.size, root));
    assert_eq!(world.writer.tree.root(head.size), Ok(root));
}
