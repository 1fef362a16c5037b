//! Says in one line what a record says, for people. It shows what the record holds and nothing more.

use std::fmt::Display;

use crate::{
    domain::{AgencyId, AlertNotice, AlertRef, Barring, Caller, Hex, StaffReference},
    record::{Disclosed, Event, Governed, Published, Refused, Retention, RightsEvent},
};

/// Says what an event is.
pub(super) fn describe(event: &Event) -> String {
    match event {
        Event::Acknowledged { subscription, number, agency } => {
            format!("{agency}: up to number {number} of subscription {subscription}")
        }
        Event::AgreementApproved(act) | Event::AgreementWithdrawn(act) => governed(act),
        Event::AgreementProposed { by, proposed } => {
            let parties = proposed.agreement.parties.iter().map(|party| &party.agency);
            format!("{} by {}; parties {}", proposed.agreement.id, by.seat, list(parties))
        }
        Event::Barred { by, act } => format!("{} by {}", barred(act), by.seat),
        Event::BrokerStarted { version, .. } => format!("portway {version}"),
        Event::CertificateIssued(it) => {
            format!("to {} until {}: {}", it.by.seat, it.not_after, it.certificate)
        }
        Event::Consulted { by, purpose, start, end, .. } => {
            format!("{} read entries {start} to {end} for {purpose}", by.seat)
        }
        Event::Disclosed(it) => disclosed(it),
        Event::Exported { by, purpose, size, .. } => {
            format!("{} sealed an export of {size} entries for {purpose}", by.seat)
        }
        Event::KeyRotated { by, new, .. } => format!("to {new} by {}", by.seat),
        Event::LogRestored(it) => {
            format!("{} goes on as {} from entry {}", it.old_origin, it.origin, it.old_size)
        }
        Event::LogStarted { origin, .. } => origin.clone(),
        Event::NumberSkipped { subscription, number, reason, recipient } => {
            format!("{recipient}: number {number} of subscription {subscription}, {reason}")
        }
        Event::Published(it) => published(it),
        Event::Redelivered { disclosed, recipient, .. } => {
            format!("to {recipient}: disclosure {disclosed} again")
        }
        Event::Refused(it) => refused(it),
        Event::Reloaded(it) => {
            let by = it.by.as_ref().map(|by| format!(" by {}", by.seat)).unwrap_or_default();
            format!("generation {}, {}{by}", Hex(&it.generation), it.cause)
        }
        Event::Access(it) => format!("{} on request {}", it.by().seat, it.request()),
        Event::Retention(it) => retention(it),
        Event::Rights(it) => rights(it),
        Event::SnapshotTaken(it) => format!("of the first {} entries", it.size),
        Event::StreamOpened { by, subscription, on_behalf_of } => {
            format!("{}{} on subscription {subscription}", by.seat, staff(on_behalf_of.as_ref()))
        }
        Event::SubscriptionCreated { by, subscription } => {
            let it = &subscription.subscription;
            format!("{} by {} for {}, until {}", it.name, by.seat, it.purpose, it.expires_at)
        }
        Event::SubscriptionDeleted { by, subscription } => {
            format!("subscription {subscription} by {}", by.seat)
        }
        Event::TailCut { size, bytes } => format!("{bytes} bytes behind entry {size}"),
    }
}

fn rights(event: &RightsEvent) -> String {
    match event {
        RightsEvent::AlertRecalled { by, alert, reason } => {
            format!("{} by {}: {reason}", alert_of(alert), by.seat)
        }
        RightsEvent::AlertRestricted { by, alert, reason } => {
            format!("{} by {}: {reason}", alert_of(alert), by.seat)
        }
        RightsEvent::NoticeAcknowledged(it) => {
            format!("{} by {}: {}", alert_of(&it.alert), it.recipient, notice(it.notice))
        }
        RightsEvent::NoticeSent(it) => {
            format!("{} to {}: {}", alert_of(&it.alert), it.recipient, notice(it.notice))
        }
        RightsEvent::NoticesDue(it) => {
            let recipients = list(it.recipients.iter());
            format!("{} to {recipients}: {}", alert_of(&it.alert), notice(it.notice))
        }
        RightsEvent::NoticesPulled { by } => by.seat.to_string(),
        RightsEvent::ObjectionAnswered(it) => {
            let (outcome, ground) = (it.outcome, it.ground);
            format!("objection {} by {}: {outcome}, {ground}", it.objection, it.by.seat)
        }
        RightsEvent::ObjectionRecorded { by, alert, kind } => {
            format!("{} by {}: {kind}", alert_of(alert), by.seat)
        }
        RightsEvent::RestrictionLifted { by, alert } => {
            format!("{} by {}", alert_of(alert), by.seat)
        }
    }
}

fn alert_of(alert: &AlertRef) -> String {
    format!("{} of {}", alert.id, alert.publisher)
}

fn notice(notice: AlertNotice) -> String {
    let kind = notice.kind();
    match notice {
        AlertNotice::Recalled(reason) => format!("{kind}, {reason}"),
        AlertNotice::Rectified(by) => format!("{kind} by {by}"),
        AlertNotice::Restricted(reason) => format!("{kind}, {reason}"),
        AlertNotice::Delete | AlertNotice::RestrictionLifted => kind.to_string(),
    }
}

fn barred(act: &Barring) -> String {
    match act {
        Barring::AgencyReinstated(agency)
        | Barring::AgencyRevoked(agency)
        | Barring::AgencySuspended(agency) => agency.to_string(),
        Barring::AuthorityRevoked(key) => format!("key {key}"),
        Barring::CertificateRevoked(certificate) => format!("certificate {certificate}"),
    }
}

fn retention(event: &Retention) -> String {
    match event {
        Retention::Ordered { by, reason, targets } => {
            format!("{} alerts for {reason} by {}", targets.len(), by.seat)
        }
        Retention::Approved { by, order } | Retention::Withdrawn { by, order } => {
            format!("order {order} by {}", by.seat)
        }
        Retention::Erased(it) => {
            let why = it.order.map_or("its time was over".to_owned(), |it| {
                format!("by order {}, approved in {}", it.order, it.approved)
            });
            format!("{}: content of {} records, {why}", it.agency, it.targets.len())
        }
        Retention::Held(it) => {
            let (at, by, review) = (it.target.index, &it.by.seat, it.review_at);
            format!("alert of {at} for {} by {by}, to be reviewed by {review}", it.reason)
        }
        Retention::Released { by, published, held } => {
            format!("alert of {published}, held in {held}, by {}", by.seat)
        }
        Retention::Halted { ahead_ms, at_start } => {
            let found = if *at_start { "a start" } else { "the broker" };
            format!("{found} found the clock {} s ahead", ahead_ms / 1000)
        }
        Retention::Confirmed { by } => format!("by {}", by.seat),
        Retention::RecordsErased { up_to, before } => {
            format!("those below {up_to}, recorded before {before}, as far as nothing needs them")
        }
    }
}

fn governed(act: &Governed) -> String {
    let Governed { by, id, proposed, parties } = act;
    format!("{id}, proposed in {proposed}, by {}; parties {}", by.seat, list(parties.iter()))
}

fn disclosed(it: &Disclosed) -> String {
    let Disclosed { publisher, recipient, published, subscription, number, .. } = it;
    let fields = it.released.iter().count();
    format!(
        "{publisher} to {recipient}: alert of {published}, {fields} fields, number {number} of \
         subscription {subscription}, delete after {}",
        it.delete_after
    )
}

fn published(it: &Published) -> String {
    let facts = &it.facts;
    let (id, kind, purpose, agreement) = (facts.id, facts.kind, facts.purpose, &facts.agreement);
    let (by, staff) = (&it.by.seat, staff(facts.on_behalf_of.as_ref()));
    format!("{id} {kind} by {by}{staff} for {purpose} under {agreement}")
}

/// On whose behalf, where that was said.
fn staff(reference: Option<&StaffReference>) -> String {
    reference.map(|reference| format!(" on behalf of {reference}")).unwrap_or_default()
}

fn refused(it: &Refused) -> String {
    let by = it.by.as_ref().map(|Caller { seat, .. }| format!(", asked by {seat}"));
    let recipient = it.recipient.as_ref().map(|it| format!(", to {it}"));
    let published = it.published.map(|it| format!(", alert of {it}"));
    let more = (it.suppressed > 0).then(|| format!(", and {} more like it", it.suppressed));
    let parts = [by, recipient, published, more].into_iter().flatten();
    format!("{} {}{}", it.act, it.reason, parts.collect::<String>())
}

fn list<'a>(agencies: impl Iterator<Item = &'a AgencyId>) -> impl Display {
    agencies.map(AgencyId::as_str).collect::<Vec<_>>().join(", ")
}
