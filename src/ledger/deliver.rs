//! The writer's part of delivery: for each stream that can take more, decide, make the view, commit to it,
//! record it, and put it aside until the batch is durable.

use std::{
    collections::{HashMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use bytes::Bytes;

use super::{
    Delivery, LedgerError, Outgoing, Outlet, Position, StreamKey,
    batch::Ready,
    contents::Content,
    writer::{BATCH_RECORDS_MAX, Writer},
};
use crate::domain::Reason;
use crate::exchange::{Disclosure, Step};
use crate::policy;
use crate::record::{self, commitment};

/// A view as one shape of recipient sees it: encoded and committed to once a batch.
#[derive(Clone)]
struct Shape {
    view: Bytes,
    key: commitment::Key,
    commitment: [u8; 32],
}

/// Shapes by alert, fields released and regime change: all that a view depends on.
type Shapes = HashMap<(u64, u32, bool), Shape>;

impl Writer {
    /// Sends every stream what its credit allows, within the batch's bound: each in its turn one step, and the
    /// next batch begins behind the stream that was served last.
    pub(super) fn deliver(&mut self) -> Result<(), LedgerError> {
        let mut shapes = Shapes::new();
        let ready = self.state.take_ready();
        let behind = ready.range((Bound::Excluded(self.served), Bound::Unbounded));
        let mut turns: VecDeque<u64> = behind.chain(ready.range(..=self.served)).copied().collect();
        while let Some(subscription) = turns.pop_front() {
            if self.work.frames.len() >= BATCH_RECORDS_MAX {
                turns.push_front(subscription);
                for waiting in turns {
                    self.state.put_back(waiting);
                }
                return Ok(());
            }
            let Some(open) = self.outlets.open(subscription) else { continue };
            let (stream, outlet) = (open.stream, Arc::clone(&open.outlet));
            if !outlet.is_read() {
                // Nobody would get what is recorded as disclosed.
                self.close(StreamKey { subscription, id: stream });
                continue;
            }
            self.served = subscription;
            if self.step(subscription, &outlet, &mut shapes)? {
                turns.push_back(subscription);
            }
        }
        Ok(())
    }

    /// Takes one step for one stream; tells whether there may be another.
    fn step(
        &mut self,
        subscription: u64,
        outlet: &Arc<dyn Outlet>,
        shapes: &mut Shapes,
    ) -> Result<bool, LedgerError> {
        let Some(step) = self.state.next_step(subscription, self.now) else { return Ok(false) };
        match step {
            Step::Disclose(disclosure) => {
                self.disclose(subscription, *disclosure, outlet, shapes)?;
            }
            Step::Refuse(event) => {
                self.record(event)?;
            }
            Step::Skip { event, number, reason } => {
                let index = match event {
                    Some(event) => self.record(event)?,
                    None => self.state.size().saturating_sub(1),
                };
                let skipped = Outgoing::Skipped(reason);
                self.put_aside(outlet, skipped, Position { subscription, number }, index);
                self.state.sent(subscription, number, 0);
            }
        }
        Ok(true)
    }

    fn disclose(
        &mut self,
        subscription: u64,
        disclosure: Disclosure,
        outlet: &Arc<dyn Outlet>,
        shapes: &mut Shapes,
    ) -> Result<(), LedgerError> {
        let published = disclosure.published;
        let slot = self.state.alert_slot(published);
        let content = match slot {
            Some(slot) => {
                self.contents.of(published, slot, self.journal.as_ref(), &self.secrets)?
            }
            None => None,
        };
        let Some(content) = content else {
            // Its key was erased meanwhile: there is nothing left to disclose.
            let event = disclosure.refused(Reason::Expired);
            self.record(event)?;
            return Ok(());
        };
        let shape = self.shape(&disclosure, &content, shapes);
        let recorded = self.record(disclosure.event(shape.commitment))?;
        let index = disclosure.repeats().unwrap_or(recorded);
        let frame = self.frame(index)?.ok_or(LedgerError::unreadable(index))?;
        let number = disclosure.number;
        let delivery = Delivery {
            redelivery: disclosure.redelivery,
            permit: disclosure.permit,
            condition: disclosure.condition,
            facts: disclosure.facts,
            view: shape.view,
            view_key: shape.key,
            index,
            record: frame.record,
            salt: frame.salt,
        };
        let delivery = Outgoing::Delivery(delivery);
        self.put_aside(outlet, delivery, Position { subscription, number }, recorded);
        self.state.sent(subscription, number, 1);
        Ok(())
    }

    fn shape(&self, disclosure: &Disclosure, content: &Content, shapes: &mut Shapes) -> Shape {
        let permit = &disclosure.permit;
        let (released, regime_change) = (permit.released().bits(), permit.regime_change());
        let make = || {
            let view = policy::minimise(&content.draft, &disclosure.facts, &self.domain, permit);
            let view = record::view_bytes(&view);
            let key = commitment::view_key(content.key.as_bytes(), released, regime_change);
            let commitment = commitment::view(&key, &view);
            Shape { view, key, commitment }
        };
        let shape = (disclosure.published, released, regime_change);
        shapes.entry(shape).or_insert_with(make).clone()
    }

    /// Puts something aside until the record at `index` is durable.
    fn put_aside(
        &mut self,
        outlet: &Arc<dyn Outlet>,
        outgoing: Outgoing,
        place: Position,
        index: u64,
    ) {
        let position = place.to_bytes(self.secrets.positions());
        let ready = Ready { outgoing, number: place.number, position, index };
        let stream = self.work.releases.entry(place.subscription);
        let (_, releases) = stream.or_insert_with(|| (Arc::clone(outlet), Vec::new()));
        releases.push(ready);
    }
}
