//! The writer's part of operating the broker: another generation of rules, and who may not take part any more.

use std::sync::Arc;

use super::{LedgerError, command::Answer, writer::Writer};
use crate::domain::{Act, Barring, Caller, ReloadCause};
use crate::policy::Rules;
use crate::record::{Event, Reloaded};

/// A generation of certificates, CAs, CRLs, agency table and rules that was found good.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The operator who asked for it.
    pub by: Option<Caller>,
    /// Why it was read.
    pub cause: ReloadCause,
    /// SHA-256 over the content of its files.
    pub digest: [u8; 32],
    /// Its rules.
    pub rules: Arc<Rules>,
}

impl Writer {
    /// Records a generation and decides by its rules from that record on. P4: rules that changed may forbid what
    /// waits above a socket.
    pub(super) fn reload(
        &mut self,
        generation: Generation,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let Generation { by, cause, digest, rules } = generation;
        let before = self.state.rules();
        let event = Reloaded { by, cause, generation: digest, rules: rules.hash() };
        let index = self.record(Event::Reloaded(event))?;
        if before.as_ref().is_none_or(|before| before.hash() != rules.hash()) {
            if self.work.replaced.is_none() {
                self.work.replaced = before;
            }
            self.state.decide_by(rules);
            let ended = self.outlets.take_ended().into_iter();
            self.work.cuts.extend(ended.map(|outlet| (outlet, None)));
            self.cut_open(self.state.holding());
        }
        self.work.answer(answer, move |_| index);
        Ok(())
    }

    /// P4: whoever is barred gets nothing of this turn any more, and its connections are cut before the act is
    /// answered.
    pub(super) fn bar(
        &mut self,
        by: &Caller,
        (act, is_listed): (&Barring, bool),
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let index = match self.state.bar(by, act, is_listed) {
            Ok(Ok(done)) => done,
            Ok(Err(event)) => {
                let index = self.record(event)?;
                for (stream, outlet) in self.outlets.take_barred(self.state.bars()) {
                    self.state.end(stream.subscription, stream.id);
                    self.work.cuts.push((outlet, None));
                }
                index
            }
            Err(refusal) => {
                let rejection = self.refuse(by, Act::Administer, refusal, None)?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        };
        self.work.answer(answer, move |_| index);
        Ok(())
    }

    /// Lets everybody know who may not take part, once that is durable.
    pub(super) fn publish_bars(&self) {
        self.bars.send_if_modified(|known| {
            let is_new = **known != *self.state.bars();
            if is_new {
                *known = Arc::new(self.state.bars().clone());
            }
            is_new
        });
    }
}
