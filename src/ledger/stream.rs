//! The writer's part of streams: open, hear, close.

use std::sync::Arc;

use super::{
    Heard, LedgerError, Opening, Position, Rejection, StreamAnswer, StreamKey, command::Answer,
    outlets::Open, writer::Writer,
};
use crate::domain::{Act, Reason, Refusal};
use crate::exchange::State;

impl Writer {
    pub(super) fn open_stream(
        &mut self,
        opening: Opening,
        answer: Answer<StreamAnswer>,
    ) -> Result<(), LedgerError> {
        let Opening { by, name, purpose, credit, resume, on_behalf_of, outlet } = opening;
        let decided = self
            .state
            .open(&by, (&name, purpose), on_behalf_of.as_ref(), self.now)
            .and_then(|(index, event)| {
                if outlet.is_barred(self.state.bars()) {
                    // What else bars it was asked before: its CA was revoked on the way.
                    return Err(Reason::AuthorityRevoked.into());
                }
                let resumed = self.resumed(index, &resume)?;
                Ok((index, event, resumed))
            });
        let (subscription, event, resumed) = match decided {
            Ok(decided) => decided,
            Err(refusal) => {
                let rejection = self.refuse(&by, Act::OpenStream, refusal, None)?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        };
        let opened = self.record(event)?;
        if let Some(event) = resumed {
            self.record(event)?;
        }
        self.streams += 1;
        let key = StreamKey { subscription, id: self.streams };
        self.state.begin(subscription, key.id, opened, credit);
        if let Some(agency) = by.seat.agency().cloned() {
            let open = Open { stream: key.id, agency, outlet };
            self.work.fenced.extend(self.outlets.begin(subscription, open));
        }
        let Some((expires_at, acknowledged)) = self.state.cursor(subscription) else {
            self.work.reject(answer, Rejection::Unavailable("the subscription is gone"));
            return Ok(());
        };
        self.work.answer(answer, move |commit| StreamAnswer {
            key,
            acknowledged,
            expires_at,
            commit: Arc::clone(commit),
        });
        Ok(())
    }

    /// Hears what a subscriber says. A fault on a stream is the stream's end and is told there; the feed
    /// records it where it has to be.
    pub(super) fn hear(&mut self, stream: StreamKey, heard: Heard, answer: Answer<()>) {
        let StreamKey { subscription, id } = stream;
        let acknowledged = heard.acknowledged.map_or(Ok(()), |number| {
            self.state.acknowledge(subscription, number)?;
            let highest = self.acknowledged.entry(subscription).or_default();
            *highest = number.max(*highest);
            Ok(())
        });
        let credited = |state: &mut State| match heard.credit {
            Some(more) => state.credit(subscription, id, more),
            None => Ok(()),
        };
        match acknowledged.and_then(|()| credited(&mut self.state)) {
            Ok(()) => self.work.answer(answer, |_| ()),
            Err(refusal) => {
                self.work.reject(answer, Rejection::Refused { refusal, decision: None });
            }
        }
    }

    pub(super) fn close(&mut self, stream: StreamKey) {
        self.state.end(stream.subscription, stream.id);
        if self.outlets.open(stream.subscription).is_some_and(|it| it.stream == stream.id) {
            self.outlets.end(stream.subscription);
        }
    }

    /// What a resume position acknowledges.
    fn resumed(
        &self,
        subscription: u64,
        resume: &[u8],
    ) -> Result<Option<crate::record::Event>, Refusal> {
        if resume.is_empty() {
            return Ok(None);
        }
        let forged = Refusal::at(Reason::PositionForged, "resume");
        let position =
            Position::from_bytes(self.secrets.positions(), resume).map_err(|_| forged)?;
        if position.subscription != subscription {
            return Err(forged);
        }
        self.state.acknowledge(subscription, position.number)
    }
}
