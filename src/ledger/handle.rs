//! The ledger as others use it: commands that are answered when they are durable, and reads and proofs of
//! what is.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{
    Answered, Commit, Generation, Heard, LedgerError, Opening, OwedActs, Position, PositionForged,
    PublishAnswer, Reader, Rejection, StreamAnswer, StreamKey,
    command::{Answer, Command, Reading},
    queue::{Entrance, Lane, NotQueued},
    rate::{Rate, Rates},
    secrets::Secrets,
    tree::Tree,
    way::{Sent, Way},
    writer::Writer,
};
use crate::domain::{
    Act, AgencyId, AgreementId, AlertId, AlertRef, Barring, Bars, Caller, Draft, Name,
    QueryPurpose, Refusal, Subscription,
};
use crate::exchange::{AgreementStanding, Explained, Inquiry, Standing, SubscriptionStanding};
use crate::journal::{Journal, SnapshotFiles};
use crate::merkle::Hash;
use crate::record::ProposedAgreement;

/// The ledger. Clones speak to the same writer.
#[derive(Clone, Debug)]
pub struct Ledger {
    commands: Entrance<Sent>,
    rates: Arc<Rates>,
    /// Over which connection it is spoken to.
    pub(super) way: Option<Arc<dyn Way>>,
    pub(super) shared: Arc<Shared>,
}

/// What reads and proofs need: nothing of the writer's private state.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) tree: Arc<Tree>,
    commits: watch::Receiver<Arc<Commit>>,
    bars: watch::Receiver<Arc<Bars>>,
    pub(super) owed: watch::Receiver<OwedActs>,
    erasures: watch::Receiver<u64>,
    pub(super) forked: Arc<Mutex<bool>>,
    /// Where a fork is noted, so that a restart does not forget it.
    pub(super) fork_mark: PathBuf,
    pub(super) snapshots: SnapshotFiles,
}

impl Shared {
    pub(super) fn of(
        writer: &Writer,
        (fork_mark, snapshots): (PathBuf, SnapshotFiles),
    ) -> Arc<Self> {
        Arc::new(Self {
            journal: Arc::clone(&writer.journal),
            secrets: Arc::clone(&writer.secrets),
            tree: Arc::clone(&writer.tree),
            commits: writer.commits.subscribe(),
            bars: writer.bars.subscribe(),
            owed: writer.owed.subscribe(),
            erasures: writer.erasures.subscribe(),
            forked: Arc::clone(&writer.forked),
            fork_mark,
            snapshots,
        })
    }
}

/// What every command can end with.
pub(super) type Done<T> = Result<T, Rejection>;

impl Ledger {
    pub(super) fn new(commands: Entrance<Sent>, rate: Rate, shared: Arc<Shared>) -> Self {
        Self { commands, rates: Arc::new(Rates::new(rate)), way: None, shared }
    }

    fn sent(&self, command: Command) -> Sent {
        Sent { command, way: self.way.clone() }
    }

    pub(super) async fn submit<T>(
        &self,
        by: &Caller,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> Done<T> {
        let (answer, answered) = oneshot::channel();
        let command = command(answer);
        let units = command.units();
        self.commands.hand_in(&Lane::of(by), self.sent(command), units)?;
        Answered(answered).await
    }

    /// For what is said on a stream, one thing at a time.
    async fn submit_always<T>(
        &self,
        by: &Caller,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> Done<T> {
        let (answer, answered) = oneshot::channel();
        self.commands.hand_in_always(&Lane::of_stream(by), self.sent(command(answer)))?;
        Answered(answered).await
    }

    /// For what comes in bulk, from a caller that bounds what it asks at once: waits for a place.
    pub(super) async fn submit_in_turn<T>(
        &self,
        by: &Caller,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> Answered<T> {
        let (answer, answered) = oneshot::channel();
        let command = command(answer);
        let units = command.units();
        let sent = self.sent(command);
        if self.commands.hand_in_waiting(&Lane::of_bulk(by), sent, units).await.is_err() {
            tracing::debug!("the writer has stopped; whoever waits is told so");
        }
        Answered(answered)
    }

    /// Waits until the agency may publish one alert more.
    pub(super) async fn keep_to_the_rate(&self, by: &Caller) {
        let Some(agency) = by.seat.agency() else { return };
        while let Err(after) = self.rates.take(agency, Instant::now()) {
            tokio::time::sleep(after).await;
        }
    }

    /// Publishes an alert; with the one that it rectifies, as the caller's agency published it.
    ///
    /// # Errors
    ///
    /// Every command: [`Rejection::Busy`] to repeat shortly, [`Rejection::Refused`] with the reason,
    /// [`Rejection::Unavailable`] to repeat with the same request id. This one also
    /// [`Rejection::RateExceeded`], to repeat then.
    pub async fn publish(
        &self,
        by: Caller,
        id: AlertId,
        (draft, rectifies): (Draft, Option<AlertRef>),
    ) -> Done<PublishAnswer> {
        if let Some(agency) = by.seat.agency() {
            let taken = self.rates.take(agency, Instant::now());
            taken.map_err(|after| Rejection::RateExceeded { after })?;
        }
        let asker = by.clone();
        let draft = Box::new(draft);
        self.submit(&asker, |answer| Command::Publish { by, id, draft, rectifies, answer }).await
    }

    /// Proposes an agreement.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn propose(
        &self,
        by: Caller,
        proposed: ProposedAgreement,
    ) -> Done<AgreementStanding> {
        self.submit(&by.clone(), |answer| Command::Propose { by, proposed, answer }).await
    }

    /// Approves a version of an agreement for the caller's agency.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn approve(
        &self,
        by: Caller,
        id: AgreementId,
        version: String,
    ) -> Done<AgreementStanding> {
        self.submit(&by.clone(), |answer| Command::Approve { by, id, version, answer }).await
    }

    /// Withdraws an agreement; returns the index of its record. P4: once this is answered, nothing
    /// leaves under it.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn withdraw(&self, by: Caller, id: AgreementId) -> Done<u64> {
        self.submit(&by.clone(), |answer| Command::Withdraw { by, id, answer }).await
    }

    /// Lists the caller's agency's agreements.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn agreements(&self, by: Caller) -> Done<Vec<AgreementStanding>> {
        self.submit(&by.clone(), |answer| Command::ListAgreements { by, answer }).await
    }

    /// Shows the versions of an agreement.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn agreement(&self, by: Caller, id: AgreementId) -> Done<Vec<AgreementStanding>> {
        self.submit(&by.clone(), |answer| Command::ShowAgreement { by, id, answer }).await
    }

    /// Explains what an agreement would permit, to an officer of a party.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn explain(&self, by: Caller, inquiry: Inquiry) -> Done<Explained> {
        let inquiry = Box::new(inquiry);
        self.submit(&by.clone(), |answer| Command::Explain { by, inquiry, answer }).await
    }

    /// Creates a subscription.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn create_subscription(
        &self,
        by: Caller,
        subscription: Subscription,
    ) -> Done<SubscriptionStanding> {
        self.submit(&by.clone(), |answer| Command::CreateSubscription { by, subscription, answer })
            .await
    }

    /// Deletes a subscription; returns the index of its record. `connection` is the caller's own,
    /// over which the answer still has to go.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn delete_subscription(&self, by: Caller, connection: u64, name: Name) -> Done<u64> {
        self.submit(&by.clone(), |answer| Command::DeleteSubscription {
            by,
            connection,
            name,
            answer,
        })
        .await
    }

    /// Lists the caller's agency's subscriptions.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn subscriptions(&self, by: Caller) -> Done<Vec<SubscriptionStanding>> {
        self.submit(&by.clone(), |answer| Command::ListSubscriptions { by, answer }).await
    }

    /// Opens a stream.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn open_stream(&self, opening: Opening) -> Done<StreamAnswer> {
        let by = opening.by.clone();
        self.submit(&by, |answer| Command::Open { opening, answer }).await
    }

    /// Hears what a subscriber says on its stream: acknowledgements, credit. It is never
    /// [`Rejection::Busy`]: whoever follows the stream asks for one thing at a time.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); a refusal ends the stream.
    pub async fn hear(&self, by: &Caller, stream: StreamKey, heard: Heard) -> Done<()> {
        self.submit_always(by, |answer| Command::Hear { stream, heard, answer }).await
    }

    /// Notes that a stream has ended. It always gets in.
    pub fn close_stream(&self, by: &Caller, stream: StreamKey) {
        let sent = self.sent(Command::Close { stream });
        let closed = self.commands.hand_in_always(&Lane::of_stream(by), sent);
        if closed.is_err() {
            tracing::debug!("the writer has stopped, and holds no streams");
        }
    }

    /// Ends a stream; tells whether more waits than it was sent. What was released to it is all in its
    /// outlet once this is answered.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unavailable`]; the stream has ended all the same.
    pub async fn leave_stream(&self, by: &Caller, stream: StreamKey) -> Done<bool> {
        self.submit_always(by, |answer| Command::Leave { stream, answer }).await
    }

    /// Records a refusal that was found before the ledger was asked.
    pub async fn refuse(&self, by: Caller, act: Act, refusal: Refusal) -> Rejection {
        let refused =
            self.submit(&by.clone(), |answer| Command::Refuse { by, act, refusal, answer }).await;
        refused.err().unwrap_or(Rejection::Refused { refusal, decision: None })
    }

    /// Records a refusal that was found on an open stream, and ends it: it always gets in.
    pub async fn refuse_on_stream(&self, by: Caller, refusal: Refusal) -> Rejection {
        let asker = by.clone();
        let act = Act::FollowStream;
        let command = |answer| Command::Refuse { by, act, refusal, answer };
        let refused = self.submit_always(&asker, command).await;
        refused.err().unwrap_or(Rejection::Refused { refusal, decision: None })
    }

    /// Records that an officer reads entries; returns the record's index and the commit that holds it.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn consult(
        &self,
        by: Caller,
        purpose: QueryPurpose,
        range: Range<u64>,
    ) -> Done<(u64, Arc<Commit>)> {
        let reading = Reading::Consult { start: range.start, end: range.end };
        self.submit(&by.clone(), |answer| Command::Read { by, purpose, reading, answer }).await
    }

    /// Records that an officer asks a question of the entries from `start` on, up to `end`; none is up to the
    /// question's own record. Returns where the answer ends, and the commit that holds the record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn query(
        &self,
        by: Caller,
        purpose: QueryPurpose,
        (start, end): (u64, Option<u64>),
    ) -> Done<(u64, Arc<Commit>)> {
        let (index, commit) = self.close_range((by, None), purpose, (start, end)).await?;
        Ok((end.unwrap_or(index), commit))
    }

    /// The same; returns the index of the record. It is linked to the reader's agency, or to the one that an auditor
    /// asks `about`, and so closes the range of its links.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn close_range(
        &self,
        (by, about): (Caller, Option<AgencyId>),
        purpose: QueryPurpose,
        (start, end): (u64, Option<u64>),
    ) -> Done<(u64, Arc<Commit>)> {
        let reading = Reading::Query { start, end, about };
        self.submit(&by.clone(), |answer| Command::Read { by, purpose, reading, answer }).await
    }

    /// Records an export; returns the record's index.
    pub(super) async fn record_export(
        &self,
        by: Caller,
        purpose: QueryPurpose,
        (size, manifest): (u64, [u8; 32]),
    ) -> Done<u64> {
        let reading = Reading::Export { size, manifest };
        let (index, _) = self
            .submit(&by.clone(), |answer| Command::Read { by, purpose, reading, answer })
            .await?;
        Ok(index)
    }

    /// Records a generation and decides by its rules from then on; returns the index of its record. `asker` is
    /// in whose lane it waits.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn reload(&self, asker: &Caller, generation: Generation) -> Done<u64> {
        self.submit(asker, |answer| Command::Reload { generation, answer }).await
    }

    /// Does an operator's act on who may take part; returns the index of its record. P4: once this is answered,
    /// nothing is disclosed to whoever it bars, and no stream of theirs is left; what else they hold open is
    /// for whoever asks to cut. `is_listed` says whether the agency that it is on stands in the broker's table.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn bar(&self, by: Caller, act: Barring, is_listed: bool) -> Done<u64> {
        self.submit(&by.clone(), |answer| Command::Bar { by, act, is_listed, answer }).await
    }

    /// Counts what is live.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn standing(&self, by: &Caller) -> Done<Standing> {
        self.submit(by, |answer| Command::Standing { answer }).await
    }

    /// Lets the writer do what is due by time: end subscriptions, record counted refusals.
    pub fn tick(&self) {
        self.commands.tick();
    }

    /// Lets nothing more in; the writer finishes what is queued and stops.
    pub fn stop(&self) {
        self.commands.stop();
    }

    /// Returns the newest commit.
    pub fn newest(&self) -> Arc<Commit> {
        Arc::clone(&self.shared.commits.borrow())
    }

    /// Returns who may not take part, and where a change of that can be waited for.
    pub fn bars(&self) -> watch::Receiver<Arc<Bars>> {
        self.shared.bars.clone()
    }

    /// Returns how many bodies' keys are destroyed, and where more can be waited for.
    pub fn erased(&self) -> watch::Receiver<u64> {
        self.shared.erasures.clone()
    }

    /// Proves that an entry is in the tree of `size`.
    ///
    /// # Errors
    ///
    /// `LedgerError::Proof` where the entry or the size lies beyond the log.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        Ok(self.shared.tree.inclusion(index, size)?)
    }

    /// Proves that the tree of `from` is a prefix of the tree of `to`; empty from 0 and between equals.
    ///
    /// # Errors
    ///
    /// `LedgerError::Proof` where the sizes are reversed or lie beyond the log.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, LedgerError> {
        Ok(self.shared.tree.consistency(from, to)?)
    }

    /// Reads some commitments, in order, from `range.start`.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal cannot be read.
    pub fn leaves(&self, range: Range<u64>) -> Result<Vec<[u8; 32]>, LedgerError> {
        let frames = self.shared.journal.read(range, READ_BYTES)?;
        Ok(frames.into_iter().map(|frame| frame.leaf).collect())
    }

    /// Returns a reader of what is durable.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared.journal), Arc::clone(&self.shared.secrets))
    }

    /// Returns where commits can be waited for.
    pub fn commits(&self) -> watch::Receiver<Arc<Commit>> {
        self.shared.commits.clone()
    }

    /// Reads a position that a subscriber sent back.
    ///
    /// # Errors
    ///
    /// [`PositionForged`] where this broker never made it.
    pub fn position(&self, bytes: &[u8]) -> Result<Position, PositionForged> {
        Position::from_bytes(self.shared.secrets.positions(), bytes)
    }

    /// Writes a position.
    pub fn position_bytes(&self, position: Position) -> bytes::Bytes {
        position.to_bytes(self.shared.secrets.positions())
    }
}

impl From<NotQueued> for Rejection {
    fn from(why: NotQueued) -> Self {
        match why {
            NotQueued::Full => Self::Busy,
            NotQueued::Stopping => Self::Unavailable("the broker stops"),
        }
    }
}

/// How much of the journal one read takes.
const READ_BYTES: usize = 256 << 10;
