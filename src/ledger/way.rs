//! The connection over which a command came, as the writer asks for it: what waits for its turn when the connection
//! is shut is not done any more.

use std::{fmt::Debug, sync::Arc};

use super::{Ledger, LedgerError, Rejection, command::Command, writer::Writer};
use crate::domain::{Bar, Bars, Reason};

/// Something a command comes over: a connection, where it comes from outside.
pub trait Way: Debug + Send + Sync {
    /// Tells why nothing that came over it is done any more; nothing where it is.
    fn shut(&self, bars: &Bars) -> Option<Shut>;
}

/// Why nothing that came over a connection is done any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shut {
    /// Whoever holds it may not take part.
    Barred(Bar),
    /// It was cut, because it would not be let in any more.
    Cut,
}

/// A command, and the way it came; none where it is the broker's own.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) command: Command,
    pub(super) way: Option<Arc<dyn Way>>,
}

impl From<Command> for Sent {
    fn from(command: Command) -> Self {
        Self { command, way: None }
    }
}

impl Ledger {
    /// Returns the ledger as it is spoken to over a connection: what waits is not done once that is shut.
    #[must_use]
    pub fn over(&self, way: Arc<dyn Way>) -> Self {
        let mut over = self.clone();
        over.way = Some(way);
        over
    }
}

impl Writer {
    /// P4: does a command unless whoever sent it is barred, or the connection that it came over is shut.
    pub(super) fn execute(&mut self, sent: Sent) -> Result<(), LedgerError> {
        let Sent { command, way } = sent;
        let shut = way.and_then(|way| way.shut(self.state.bars()));
        let refusal = match (command.asked(), shut) {
            (Some((by, act)), shut) => {
                let barred = match shut {
                    Some(Shut::Barred(bar)) => Some(bar),
                    Some(Shut::Cut) | None => None,
                };
                let refusal =
                    self.state.may_act(by).err().or(barred.map(|it| Reason::from(it).into()));
                refusal.map(|refusal| (by.clone(), act, refusal))
            }
            (None, _) => None,
        };
        if let Some((by, act, refusal)) = refusal {
            let rejection = self.refuse(&by, act, refusal, None)?;
            self.work.reject_command(command, rejection);
            return Ok(());
        }
        if shut.is_some() && command.has_effect() {
            self.work.reject_command(command, Rejection::Unavailable("its connection was cut"));
            return Ok(());
        }
        self.execute_admitted(command)
    }
}
