//! From an operation to the writer's command, and from the command's answer to what the world knows.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    evaluate::{self, Version},
    op::{AGENCIES, AGREEMENTS, Ask, Flavour, Resume, UpTo},
    random::Random,
    sample,
    stream::Stream,
    trace::Recorder,
    world::World,
};
use crate::domain::{
    AgencyId, AlertId, AlertRef, Barring, Caller, Draft, Fingerprint, QueryPurpose, Subscription,
    Timestamp,
};
use crate::exchange::{AgreementStanding, SubscriptionStanding};
use crate::ledger::{
    Approved, Commit, Heard, NoticesAnswer, Opening, PublishAnswer, Rejection, StreamAnswer,
    StreamKey,
    command::{Command, CredentialCommand, Reading},
};
use crate::record::CertificateIssued;

type Receiver<T> = oneshot::Receiver<Result<T, Rejection>>;

/// An answer that is waited for.
pub(super) enum Waiting {
    Acknowledged(Receiver<()>),
    Approved(Receiver<Approved>),
    Agreement(Receiver<AgreementStanding>, String),
    Closed(usize),
    Credited(Receiver<()>, usize, u32),
    /// A stream's last word, its subscription, and the number that it acknowledged.
    Finished(Receiver<()>, (u64, u64)),
    Listed(Receiver<Vec<SubscriptionStanding>>, AgencyId),
    Notices(Receiver<NoticesAnswer>),
    /// Nobody is told of a snapshot.
    Nobody,
    Opened(Receiver<StreamAnswer>, usize),
    Published(Receiver<PublishAnswer>, Box<Request>),
    Read(Receiver<(u64, Arc<Commit>)>),
    /// An order, its withdrawal, a hold, the clock's confirmation.
    Recorded(Receiver<u64>),
    Released(Receiver<(u64, bool)>),
    Issued(Receiver<u64>),
    Rotated(Receiver<(u64, Arc<Commit>)>),
    Subscribed(Receiver<SubscriptionStanding>),
    Swept(Receiver<usize>),
    /// Withdrawals, deletions and suspensions: their answers come through the trace.
    Traced,
}

/// What a publisher asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) by: Caller,
    pub(super) id: AlertId,
    pub(super) draft: Draft,
}

/// What a traced answer is about.
#[derive(Clone, Debug)]
pub(super) enum Ticket {
    Delete(AgencyId, crate::domain::Name),
    Lift,
    Reinstate,
    Stop(u64),
    Suspend(AgencyId),
    Withdraw(crate::domain::AgreementId),
}

impl World {
    /// Makes the command; none where there is nothing to act on.
    pub(super) fn command(&mut self, ask: &Ask) -> Option<(Command, Waiting)> {
        match *ask {
            Ask::Act { agency, pick } => self.act(agency, pick),
            Ask::Approve { agreement, pick } => self.approve(agreement, pick),
            Ask::Consult { agency } => Some(consult(agency, self.audit.size)),
            Ask::Create { agency, name, shape } => Some(self.create(agency, name, shape)),
            Ask::Keep(ref keep) => self.keep(keep),
            Ask::List { agency } => {
                let (answer, answered) = oneshot::channel();
                let command = Command::ListSubscriptions { by: sample::officer(agency), answer };
                Some((command, Waiting::Listed(answered, sample::agency(agency))))
            }
            Ask::Notices { agency, acknowledges, limit } => {
                Some(self.pull(agency, acknowledges, limit))
            }
            Ask::Tell { pick } => self.tell(pick),
            Ask::Issue { agency, shape } => Some(issue(agency, shape, self.now())),
            Ask::Rotate { by } => Some(rotate(by)),
            Ask::Propose { agency, agreement, shape } => {
                let (answer, answered) = oneshot::channel();
                let current = self.in_force(agreement).filter(|_| shape % 2 == 0);
                let proposed = match current {
                    Some(current) => sample::amended(&current.agreement, shape, self.now()),
                    None => sample::agreement(agreement, shape, self.now()),
                };
                let version = crate::record::agreement_version(&proposed.bytes);
                let command = Command::Propose { by: sample::officer(agency), proposed, answer };
                Some((command, Waiting::Agreement(answered, version)))
            }
            Ask::Publish { agency, agreement, flavour, shape } => {
                let request = self.request((agency, agreement), flavour, shape)?;
                self.requests.push(request.clone());
                let rectifies = self.rectifies(&request);
                Some(publish(request, rectifies))
            }
            Ask::Delete { agency, name } => {
                let (answer, answered) = oneshot::channel();
                let (by, name) = (sample::service(agency), sample::name(name));
                self.wait_for(Ticket::Delete(sample::agency(agency), name.clone()), answered);
                // Sometimes over the very connection that a stream runs on.
                let connection = self.streams.len().saturating_sub(1) as u64;
                let command = Command::DeleteSubscription { by, connection, name, answer };
                Some((command, Waiting::Traced))
            }
            Ask::Withdraw { agency, agreement } => {
                let (answer, answered) = oneshot::channel();
                let (by, id) = (sample::officer(agency), sample::agreement_id(agreement));
                self.wait_for(Ticket::Withdraw(id.clone()), answered);
                Some((Command::Withdraw { by, id, answer }, Waiting::Traced))
            }
            Ask::Reinstate { agency } => Some(self.bar(agency, Barring::AgencyReinstated)),
            Ask::Suspend { agency } => Some(self.bar(agency, Barring::AgencySuspended)),
            Ask::Acknowledge { stream, up_to } => self.acknowledge(stream, up_to),
            Ask::Close { stream } => {
                let (place, open) = self.a_stream(stream)?;
                Some((close(open.key?, stream % 2 == 0), Waiting::Closed(place)))
            }
            Ask::Credit { stream, more } => {
                let (place, stream) = self.a_stream(stream)?;
                let (answer, answered) = oneshot::channel();
                let heard = Heard { credit: Some(more), ..Heard::default() };
                let command = Command::Hear { stream: stream.key?, heard, answer };
                Some((command, Waiting::Credited(answered, place, more)))
            }
            Ask::Open { agency, name, credit, resume } => {
                let resume = self.resume(resume);
                Some(self.open((agency, name), credit, resume))
            }
        }
    }

    fn create(&mut self, agency: usize, name: usize, shape: u64) -> (Command, Waiting) {
        self.unique += 1;
        let moment = (self.now(), self.unique);
        let random = &mut Random::new(shape);
        let mut subscription = sample::subscription(name, random, moment);
        if random.chance(90) {
            self.fit_subscription(&mut subscription, agency, random);
        }
        let (answer, answered) = oneshot::channel();
        let by = sample::service(agency);
        let command = Command::CreateSubscription { by, subscription, answer };
        (command, Waiting::Subscribed(answered))
    }

    fn bar(&mut self, agency: usize, act: fn(AgencyId) -> Barring) -> (Command, Waiting) {
        let (answer, answered) = oneshot::channel();
        let act = act(sample::agency(agency));
        if let Barring::AgencySuspended(agency) = &act {
            self.wait_for(Ticket::Suspend(agency.clone()), answered);
        } else {
            self.wait_for(Ticket::Reinstate, answered);
        }
        (Command::Bar { by: Caller::local(), act, is_listed: true, answer }, Waiting::Traced)
    }

    fn acknowledge(&self, stream: u64, up_to: UpTo) -> Option<(Command, Waiting)> {
        let (_, stream) = self.a_stream(stream)?;
        let (stream, last) = (stream.key?, stream.last());
        let asked = &self.audit.subscriptions[&stream.subscription];
        let number = match up_to {
            // Never what was recorded and did not come: a position that did not come is not known.
            UpTo::Beyond => asked.delivered() + 3,
            UpTo::Last | UpTo::End => last,
            UpTo::One => last.min(asked.acknowledged + 1),
        };
        let (answer, answered) = oneshot::channel();
        let is_last = matches!(up_to, UpTo::End);
        let heard = Heard { acknowledged: Some(number), is_last, ..Heard::default() };
        let command = Command::Hear { stream, heard, answer };
        Some((
            command,
            if is_last {
                Waiting::Finished(answered, (stream.subscription, number))
            } else {
                Waiting::Acknowledged(answered)
            },
        ))
    }

    fn open(
        &mut self,
        (number, name): (usize, usize),
        credit: u32,
        resume: bytes::Bytes,
    ) -> (Command, Waiting) {
        let (agency, name) = (sample::agency(number), sample::name(name));
        let stream = self.streams.len();
        self.streams.push(Stream::new(agency.clone(), credit.into()));
        let mut newest = self.audit.subscriptions.values().rev();
        let asked = newest.find(|it| it.agency == agency && it.subscription.name == name);
        let by = sample::service(number);
        let outlet = Recorder::new(stream, &by, &self.trace);
        let opening = Opening {
            by,
            purpose: asked.map_or(sample::NEVER_AGREED, |it| it.subscription.purpose),
            name,
            credit,
            resume,
            on_behalf_of: None,
            outlet,
        };
        let (answer, answered) = oneshot::channel();
        (Command::Open { opening, answer }, Waiting::Opened(answered, stream))
    }

    fn request(
        &self,
        (agency, agreement): (usize, usize),
        flavour: Flavour,
        shape: u64,
    ) -> Option<Request> {
        let random = &mut Random::new(shape);
        let now = self.now();
        let made = |back: u64| Timestamp::from_ms(now.ms() - back);
        let mut request = Request {
            by: sample::service(agency),
            id: sample::alert_id(made(random.below(60_000)), random),
            draft: sample::draft(agreement, random, now),
        };
        if let Some(current) = self.in_force(agreement).filter(|_| random.chance(85)) {
            let flow = random.pick(&current.agreement.flows);
            request.by = sample::service_of(&flow.from);
            request.draft.purpose = flow.purpose;
            request.draft.kind = *random.pick(&Vec::from_iter(flow.alert_types.clone()));
            let categories = Vec::from_iter(flow.subject_categories.clone());
            request.draft.categories = [*random.pick(&categories)].into();
        }
        match flavour {
            Flavour::New => {}
            Flavour::AheadId => {
                request.id = sample::alert_id(Timestamp::from_ms(now.ms() + 400_000), random);
            }
            Flavour::OldId => request.id = sample::alert_id(made(25 * 3_600_000), random),
            Flavour::Rectify => {
                let by = request.by.seat.agency()?;
                let mut known = self.audit.requests.iter().filter(|((agency, _), _)| agency == by);
                request.draft.rectifies = known.next_back().map(|((_, id), _)| *id);
            }
            Flavour::Repeat | Flavour::OtherContent => {
                let recent = self.requests.len().min(12);
                let place = self.requests.len().checked_sub(1 + random.place(recent.max(1)))?;
                let draft = request.draft;
                request = self.requests.get(place)?.clone();
                if matches!(flavour, Flavour::OtherContent) {
                    request.draft = draft;
                }
            }
            Flavour::Stale => {
                request.draft.as_of = made(31 * 24 * 3_600_000);
                request.draft.time = request.draft.as_of;
            }
            Flavour::WrongPurpose => request.draft.purpose = sample::NEVER_AGREED,
            Flavour::WrongRole => request.by = sample::officer(agency),
        }
        Some(request)
    }

    fn resume(&self, resume: Resume) -> bytes::Bytes {
        let position = |pick: u64| {
            let got: Vec<_> = self.streams.iter().flat_map(|it| &it.got).collect();
            let place = usize::try_from(pick).unwrap().checked_rem(got.len())?;
            Some(got[place].position.clone())
        };
        match resume {
            Resume::AtAPosition(pick) => position(pick).unwrap_or_default(),
            Resume::Forged(pick) => {
                let mut bytes = position(pick).unwrap_or_default().to_vec();
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 1;
                }
                bytes.into()
            }
            Resume::WhereTheBrokerStands => bytes::Bytes::new(),
        }
    }

    /// Picks one of the newest streams, most often one that is open.
    fn a_stream(&self, pick: u64) -> Option<(usize, &Stream)> {
        let streams = self.streams.iter().enumerate().rev();
        let recent: Vec<_> =
            streams.filter(|(_, it)| it.open || pick.is_multiple_of(5)).take(8).collect();
        let place = usize::try_from(pick >> 8).unwrap().checked_rem(recent.len())?;
        recent.get(place).copied()
    }

    /// Approves what waits for it, most often for somebody who has not done so.
    fn approve(&self, agreement: usize, pick: u64) -> Option<(Command, Waiting)> {
        let random = &mut Random::new(pick);
        let versions = self.audit.agreements.get(&sample::agreement_id(agreement))?;
        let waiting = versions.iter().rev().find(|it| !it.is_binding() && !it.withdrawn);
        let Some(version) = waiting.filter(|_| random.chance(85)) else {
            return Some(approve(random.place(AGENCIES), &random.pick(versions).agreement));
        };
        let missing: Vec<usize> = (0..AGENCIES)
            .filter(|it| {
                let agency = sample::agency(*it);
                version.names(&agency) && !version.approved_by.contains(&agency)
            })
            .collect();
        Some(approve(*random.pick(&missing), &version.agreement))
    }

    fn in_force(&self, agreement: usize) -> Option<&Version> {
        let versions = self.audit.agreements.get(&sample::agreement_id(agreement))?;
        evaluate::in_force(versions, self.now())
    }

    /// Asks for what some agreement in force gives the agency.
    fn fit_subscription(&self, asked: &mut Subscription, agency: usize, random: &mut Random) {
        let agency = sample::agency(agency);
        let in_force = (0..AGREEMENTS).filter_map(|it| self.in_force(it));
        let flows = in_force.flat_map(|it| &it.agreement.flows);
        let fitting: Vec<_> = flows.filter(|it| it.to.contains(&agency)).collect();
        if !fitting.is_empty() {
            asked.purpose = random.pick(&fitting).purpose;
        }
    }
}

fn approve(agency: usize, version: &crate::domain::Agreement) -> (Command, Waiting) {
    use prost::Message;
    let bytes = crate::record::agreement_to_pb(version).encode_to_vec();
    let version_text = crate::record::agreement_version(&bytes);
    let (answer, answered) = oneshot::channel();
    let (by, id) = (sample::officer(agency), version.id.clone());
    let command = Command::Approve { by, id, version: version_text.clone(), answer };
    (command, Waiting::Agreement(answered, version_text))
}

pub(super) fn consult(agency: usize, end: u64) -> (Command, Waiting) {
    let (answer, answered) = oneshot::channel();
    let (by, purpose) = (sample::officer(agency), QueryPurpose::SelfMonitoring);
    let reading = Reading::Consult { start: 0, end };
    (Command::Read { by, purpose, reading, answer }, Waiting::Read(answered))
}

fn issue(agency: usize, shape: u64, now: Timestamp) -> (Command, Waiting) {
    let (answer, answered) = oneshot::channel();
    let mut certificate = [0; 32];
    certificate[..8].copy_from_slice(&shape.to_be_bytes());
    let issued = CertificateIssued {
        by: sample::officer(agency),
        certificate: Fingerprint(certificate),
        not_after: now.plus_days(1 + shape % 90),
    };
    let command = CredentialCommand::Record { issued, answer };
    (Command::Credential(command), Waiting::Issued(answered))
}

fn rotate(by: Option<usize>) -> (Command, Waiting) {
    let (answer, answered) = oneshot::channel();
    let by = by.map_or_else(sample::operator, sample::officer);
    let command = CredentialCommand::Rotate { by, answer };
    (Command::Credential(command), Waiting::Rotated(answered))
}

fn publish(request: Request, rectifies: Option<AlertRef>) -> (Command, Waiting) {
    let (answer, answered) = oneshot::channel();
    let Request { by, id, draft } = request.clone();
    let command = Command::Publish { by, id, draft: Box::new(draft), rectifies, answer };
    (command, Waiting::Published(answered, Box::new(request)))
}

/// Closes a stream by a word, or as a pull ends its own.
fn close(stream: StreamKey, is_word: bool) -> Command {
    let (answer, _) = oneshot::channel();
    if is_word { Command::Close { stream } } else { Command::Leave { stream, answer } }
}
