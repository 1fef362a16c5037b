//! Rights in the simulation: acts on alerts, notices of them, and what the log has to say of both.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use super::{
    ask::{Request, Ticket, Waiting},
    audit::Audit,
    op::{AGENCIES, Ask, Op},
    random::Random,
    sample,
    world::{Keyring, World},
};
use crate::domain::{AgencyId, AlertNotice, AlertRef, Reason, RecallReason, RestrictionReason};
use crate::exchange::Asked;
use crate::ledger::{AlertAct, command::Command, rights::RightsCommand};
use crate::record::{Erased, Event, NoticesDue, Published, RightsEvent};

const CONTESTED: RestrictionReason = RestrictionReason::AccuracyContested;

/// What the log says of acts on alerts and of their notices.
#[derive(Debug, Default)]
pub(super) struct Told {
    restricted: BTreeSet<u64>,
    recalled: BTreeSet<u64>,
    rectified: BTreeSet<u64>,
    /// Acts without their recipients yet, by act and alert.
    owed: BTreeMap<(u64, u64), AlertNotice>,
    /// Whom the last restriction of an alert was told.
    held_from: BTreeMap<u64, BTreeSet<AgencyId>>,
    inboxes: BTreeMap<AgencyId, Inbox>,
}

/// One recipient's notices, by the records that made them due.
#[derive(Debug, Default)]
struct Inbox {
    due: Vec<u64>,
    sent: usize,
    acknowledged: usize,
}

impl Audit {
    /// P4: whether an act stands against the disclosure of an alert.
    pub(super) fn is_stopped(&self, published: u64) -> bool {
        let told = &self.told;
        [&told.restricted, &told.recalled, &told.rectified].iter().any(|it| it.contains(&published))
    }

    /// P3: what is refused or skipped because an officer restricts it waits for the end of that.
    pub(super) fn held_back(&mut self, subscription: u64, published: u64, reason: Reason) {
        let stands = self.told.restricted.contains(&published)
            && !self.told.recalled.contains(&published)
            && !self.told.rectified.contains(&published);
        if reason == Reason::Restricted && stands {
            self.subscriptions.get_mut(&subscription).unwrap().held.insert(published);
        }
    }

    pub(super) fn rectified(&mut self, index: u64, published: &Published) {
        let Some(alert) = &published.rectifies else { return };
        self.is_named_truly(alert);
        assert_eq!(alert.publisher, published.facts.publisher, "another agency's alert");
        assert!(!self.told.recalled.contains(&alert.published), "it was recalled");
        assert!(self.told.rectified.insert(alert.published), "rectified twice");
        let notice = AlertNotice::Rectified(published.facts.id);
        self.told.owed.insert((index, alert.published), notice);
        self.count("Rectified");
    }

    fn is_named_truly(&self, alert: &AlertRef) {
        let facts = &self.alerts[&alert.published].published.facts;
        let named = (alert.id, &alert.publisher, alert.delete_after);
        assert_eq!(named, (facts.id, &facts.publisher, facts.delete_after));
    }

    pub(super) fn follow_rights(&mut self, index: u64, event: &RightsEvent) {
        if let Some(alert) = event.alert() {
            self.is_named_truly(alert);
        }
        match event {
            RightsEvent::AlertRecalled { by, alert, reason } => {
                assert_eq!(by.seat.agency(), Some(&alert.publisher));
                assert!(self.told.recalled.insert(alert.published), "recalled twice");
                let notice = AlertNotice::Recalled(*reason);
                self.told.owed.insert((index, alert.published), notice);
            }
            RightsEvent::AlertRestricted { by, alert, reason } => {
                assert_eq!(by.seat.agency(), Some(&alert.publisher));
                assert!(!self.is_stopped(alert.published), "restricted what is stopped");
                self.told.restricted.insert(alert.published);
                let notice = AlertNotice::Restricted(*reason);
                self.told.owed.insert((index, alert.published), notice);
            }
            RightsEvent::RestrictionLifted { alert, .. } => {
                let published = alert.published;
                assert!(self.told.restricted.remove(&published), "lifted though not restricted");
                self.told.owed.insert((index, published), AlertNotice::RestrictionLifted);
                for asked in self.subscriptions.values_mut() {
                    if asked.held.remove(&published) {
                        let place = asked.owed.partition_point(|it| *it < published);
                        asked.owed.insert(place, published);
                    }
                }
            }
            RightsEvent::NoticesDue(due) => self.due(index, due),
            RightsEvent::NoticesPulled { by } => self.takes_part(by.seat.agency().unwrap()),
            RightsEvent::NoticeSent(step) => {
                self.takes_part(&step.recipient);
                let inbox = self.told.inboxes.get_mut(&step.recipient).unwrap();
                assert_eq!(inbox.due[inbox.sent], step.due, "not the next notice");
                inbox.sent += 1;
            }
            RightsEvent::NoticeAcknowledged(step) => {
                let inbox = self.told.inboxes.get_mut(&step.recipient).unwrap();
                assert_eq!(inbox.due[inbox.acknowledged], step.due, "not the next notice");
                inbox.acknowledged += 1;
                assert!(inbox.acknowledged <= inbox.sent, "acknowledged before it was sent");
            }
            RightsEvent::ObjectionAnswered(_) | RightsEvent::ObjectionRecorded { .. } => {
                panic!("nobody asks for it here")
            }
        }
    }

    /// Whoever received what is erased by order is told to delete it.
    pub(super) fn owes_deletion(&mut self, index: u64, erased: &Erased) {
        for target in erased.targets.iter().filter(|_| erased.order.is_some()) {
            self.told.owed.insert((index, target.index), AlertNotice::Delete);
        }
    }

    /// Every agency with a disclosure of the alert is told, and nobody else.
    fn due(&mut self, index: u64, due: &NoticesDue) {
        let published = due.alert.published;
        let notice = self.told.owed.remove(&(due.cause, published));
        assert_eq!(notice, Some(due.notice), "due without an act, or twice");
        let mut earlier = self.told.owed.range(..(due.cause, 0));
        assert!(!earlier.any(|((_, of), _)| *of == published), "told before an earlier act");
        let mut expected = self.recipients(published);
        if due.notice == AlertNotice::RestrictionLifted
            && let Some(told) = self.told.held_from.get(&published)
        {
            expected.retain(|it| told.contains(it));
        }
        let named: BTreeSet<AgencyId> = due.recipients.iter().cloned().collect();
        assert_eq!(named, expected, "a recipient is missing, or one too many");
        if matches!(due.notice, AlertNotice::Restricted(_)) {
            self.told.held_from.insert(published, named.clone());
        }
        for agency in named {
            self.told.inboxes.entry(agency).or_default().due.push(index);
        }
    }

    fn recipients(&self, published: u64) -> BTreeSet<AgencyId> {
        let all = self.disclosures.values().map(|(it, _)| it);
        all.filter(|it| it.published == published).map(|it| it.recipient.clone()).collect()
    }
}

impl World {
    /// An officer acts on one of the newest alerts; sometimes one of another agency.
    pub(super) fn act(&mut self, agency: usize, pick: u64) -> Option<(Command, Waiting)> {
        let newest: Vec<u64> = self.audit.alerts.keys().rev().take(6).copied().collect();
        let place = usize::try_from(pick >> 8).unwrap().checked_rem(newest.len())?;
        let published = newest[place];
        let alert = self.named(published);
        let own = (0..AGENCIES).find(|it| sample::agency(*it) == alert.publisher)?;
        let by = sample::officer(if pick.is_multiple_of(16) { agency } else { own });
        let is_restricted = self.audit.told.restricted.contains(&published);
        let act = match pick % 8 {
            0 => AlertAct::Recall(RecallReason::Wrong),
            _ if is_restricted => AlertAct::Lift,
            1 => AlertAct::Lift,
            _ => AlertAct::Restrict(CONTESTED),
        };
        let (answer, answered) = oneshot::channel();
        let is_stop = !matches!(act, AlertAct::Lift);
        self.wait_for(if is_stop { Ticket::Stop(published) } else { Ticket::Lift }, answered);
        let command = RightsCommand::Act { by, alert: Some(alert), act, answer };
        Some((Command::Rights(command.into()), Waiting::Traced))
    }

    /// Finds the recipients of an act in the log, as the task beside the writer does.
    pub(super) fn tell(&self, pick: u64) -> Option<(Command, Waiting)> {
        let owed: Vec<(u64, u64)> = self.audit.told.owed.keys().copied().collect();
        let place = usize::try_from(pick).unwrap().checked_rem(owed.len())?;
        let (cause, published) = owed[place];
        let (answer, answered) = oneshot::channel();
        let (alert, recipients) = (self.named(published), self.audit.recipients(published));
        let command = RightsCommand::MakeDue { cause, alert, recipients, answer };
        Some((Command::Rights(command.into()), Waiting::Acknowledged(answered)))
    }

    /// A system pulls notices, and acknowledges what it was sent before.
    pub(super) fn pull(&self, agency: usize, with_ack: bool, limit: usize) -> (Command, Waiting) {
        let (answer, answered) = oneshot::channel();
        let inbox = self.audit.told.inboxes.get(&sample::agency(agency));
        let sent = inbox.map_or(0, |it| it.sent as u64);
        let acknowledged = if with_ack { sent } else { 0 };
        let asked = Asked { acknowledged, limit };
        let command = RightsCommand::Pull { by: sample::service(agency), asked, answer };
        (Command::Rights(command.into()), Waiting::Notices(answered))
    }

    /// Returns the alert of the request's agency that it rectifies.
    pub(super) fn rectifies(&self, request: &Request) -> Option<AlertRef> {
        let agency = request.by.seat.agency()?.clone();
        let known = self.audit.requests.get(&(agency, request.draft.rectifies?))?;
        Some(self.named(*known))
    }

    fn named(&self, published: u64) -> AlertRef {
        let facts = &self.audit.alerts[&published].published.facts;
        AlertRef {
            published,
            id: facts.id,
            publisher: facts.publisher.clone(),
            delete_after: facts.delete_after,
        }
    }

    /// Tells whether a recipient has not acknowledged all that it is due.
    pub(super) fn is_untold(&self, agency: usize) -> bool {
        let inbox = self.audit.told.inboxes.get(&sample::agency(agency));
        inbox.is_some_and(|it| it.acknowledged < it.due.len())
    }

    /// Tells whether recipients are still to be found.
    pub(super) fn owes(&self) -> bool {
        let owed = self.writer.state.owed().map(|(which, _)| which);
        assert!(
            owed.eq(self.audit.told.owed.keys().copied()),
            "an act is forgotten, or done twice"
        );
        !self.audit.told.owed.is_empty()
    }
}

/// P4: when a restriction or a recall is answered, no connection holds the alert unacknowledged. Of one that has ended
/// nothing leaves anyway.
pub(super) fn p4_a_stop_has_cut(world: &World, published: u64) {
    if world.audit.alerts[&published].published.facts.expires_at <= world.latest {
        return;
    }
    for stream in world.streams.iter().filter(|it| !it.cut) {
        let Some(key) = stream.key else { continue };
        let acknowledged = world.audit.subscriptions[&key.subscription].acknowledged;
        let mut got = stream.got.iter().filter(|it| acknowledged < it.number);
        let holds = got.any(|it| it.published == Some(published));
        assert!(!holds, "P4: a stream that holds {published} was not cut");
    }
}

pub(super) const fn name_of_rights(event: &RightsEvent) -> &'static str {
    match event {
        RightsEvent::AlertRecalled { .. } => "AlertRecalled",
        RightsEvent::AlertRestricted { .. } => "AlertRestricted",
        RightsEvent::NoticeAcknowledged(_) => "NoticeAcknowledged",
        RightsEvent::NoticeSent(_) => "NoticeSent",
        RightsEvent::NoticesDue(_) => "NoticesDue",
        RightsEvent::NoticesPulled { .. } => "NoticesPulled",
        RightsEvent::ObjectionAnswered(_) => "ObjectionAnswered",
        RightsEvent::ObjectionRecorded { .. } => "ObjectionRecorded",
        RightsEvent::RestrictionLifted { .. } => "RestrictionLifted",
    }
}

/// P2: a notice is handed out with the record of its sending, which stands in the log.
pub(super) fn p2_a_notice_is_in_the_log(world: &World, answer: &crate::ledger::NoticesAnswer) {
    let mut last = answer.acknowledged;
    for notice in &answer.notices {
        assert!(last < notice.letter.number, "notices out of order");
        last = notice.letter.number;
        super::promises::is_proven(world, notice.letter.index, &answer.commit);
        let record = crate::record::decode(&notice.record).unwrap();
        let Event::Rights(RightsEvent::NoticeSent(sent)) = record.event else {
            panic!("{record:?}")
        };
        assert_eq!((&sent.alert, sent.notice), (&notice.letter.alert, notice.letter.notice));
    }
}

/// Draws until an alert that somebody received is recalled, and nobody was told so yet; returns it.
fn recalled(world: &mut World, random: &mut Random) -> u64 {
    for op in Op::prelude(random) {
        world.run(&op);
    }
    loop {
        let newest: Vec<u64> = world.audit.alerts.keys().rev().take(6).copied().collect();
        let told = &world.audit.told;
        let was_received = |published: &u64| {
            !told.recalled.contains(published) && !world.audit.recipients(*published).is_empty()
        };
        if let Some(place) = newest.iter().position(was_received) {
            let pick = u64::try_from(place << 8).unwrap() | 8;
            world.run(&Op::One(Ask::Act { agency: 0, pick }));
            if world.audit.told.recalled.contains(&newest[place]) {
                return newest[place];
            }
        }
        world.run(&Op::draw(random));
    }
}

/// The act is durable and the process ends before the record of whom it is told: the next one goes on with it, from a
/// snapshot and from the whole log.
#[test]
fn a_crash_between_an_act_and_whom_it_is_told_loses_no_notice() {
    let keyring = Keyring::create();
    for (seed, quick) in [(1, true), (2, false)] {
        let (mut world, mut random) = (World::new(&keyring), Random::new(seed));
        let published = recalled(&mut world, &mut random);
        let owed = world.audit.told.owed.clone();
        assert!(owed.keys().any(|(_, of)| *of == published));
        if quick {
            world.run(&Op::Snapshot);
        }

        world.run(&Op::Restart { quick });

        assert_eq!(world.audit.told.owed, owed);
        assert!(world.owes(), "the new process knows what is owed");
        world.drain();
        assert!(!world.owes());
        for agency in world.audit.recipients(published) {
            let inbox = &world.audit.told.inboxes[&agency];
            assert_eq!(inbox.acknowledged, inbox.due.len(), "{agency} was not told");
            assert!(!inbox.due.is_empty());
        }
    }
}
