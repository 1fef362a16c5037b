//! What witnesses have cosigned: which of the log's checkpoints somebody else than the broker stands behind. Whom to
//! believe is for the caller to say; the broker's word counts for nothing here.

use std::{fs, io, path::Path};

use super::{Connection, Error, Identity, Seen, fault::Fault, identity::wrong};
use crate::{
    merkle::{Note, WitnessKey},
    pb::v1 as pb,
};

/// How many witnesses a broker may have.
const WITNESSES_MAX: usize = 16;

/// A checkpoint that witnesses cosigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Witnessed {
    /// The checkpoint; its note carries their lines, and no other witness's.
    pub seen: Seen,
    /// Who of those that are trusted cosigned it, and when by their own clocks, in seconds since 1970.
    pub by: Vec<(String, u64)>,
}

impl Connection {
    /// Asks for the newest checkpoint that one of the witnesses has cosigned, verified to be the log's and to lie on
    /// the history that is remembered.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where none of them has cosigned any, or what they cosigned is not of this history.
    pub async fn witnessed(&self, trusted: &[WitnessKey]) -> Result<Witnessed, Error> {
        let known = self.known();
        let known_size = known.as_ref().map_or(0, |seen| seen.size());
        let request = pb::GetCheckpointRequest { known_size, cosigned: true };
        let answer = self.log_client().get_checkpoint(request).await?.into_inner();
        let newest =
            self.settle(known.as_deref(), &answer.checkpoint, Some(&answer.consistency)).await?;
        if answer.cosigned.len() > WITNESSES_MAX {
            return Err(Fault::Protocol("a bound on the number of witnesses").into());
        }
        let chain = self.identity().memory().chain();
        let mut best: Option<Witnessed> = None;
        for note in &answer.cosigned {
            let seen = Seen::open(note, &chain)?;
            let Some(witnessed) = read(&seen, trusted) else { continue };
            if seen.size() > newest.size() {
                return Err(Fault::Older { size: newest.size(), known: seen.size() }.into());
            }
            self.prove(&seen, &newest).await?;
            best = Some(best.map_or(witnessed.clone(), |best| best.joined(witnessed)));
        }
        Ok(best.ok_or(Fault::NotWitnessed)?)
    }
}

/// Reads who of those that are trusted cosigned a checkpoint; nothing where nobody did.
fn read(seen: &Seen, trusted: &[WitnessKey]) -> Option<Witnessed> {
    let note = Note::parse(&seen.note).ok()?;
    let by =
        trusted.iter().filter_map(|key| Some((key.name().to_owned(), key.verify(&note).ok()?)));
    let by: Vec<_> = by.collect();
    (!by.is_empty()).then(|| Witnessed { seen: seen.clone(), by })
}

impl Witnessed {
    /// Takes the larger of two; of two of one tree, both witnesses' lines under one note.
    fn joined(self, other: Self) -> Self {
        if self.seen.size() != other.seen.size() {
            return if self.seen.size() < other.seen.size() { other } else { self };
        }
        let Self { mut seen, mut by } = self;
        let names: Vec<String> = by.iter().map(|(name, _)| name.clone()).collect();
        let notes = Note::parse(&seen.note).ok().zip(Note::parse(&other.seen.note).ok());
        if let Some((mut note, more)) = notes
            && note.text() == more.text()
        {
            for signature in more.signatures() {
                if !note.signatures().contains(signature) && note.push(signature.clone()).is_err() {
                    break;
                }
            }
            seen.note = note.to_string();
            // The same line twice is one witness's.
            by.extend(other.by.into_iter().filter(|(name, _)| !names.contains(name)));
        }
        Self { seen, by }
    }
}

impl Identity {
    /// The file of the witnesses that an identity trusts, one vkey a line.
    pub const WITNESSES: &str = "witness.vkeys";

    /// Reads the witnesses that the identity trusts; none where it has no such file.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with the name of the file.
    pub fn witnesses(&self) -> Result<Vec<WitnessKey>, Error> {
        let path = self.dir().join(Self::WITNESSES);
        if path.exists() { witness_keys(&path) } else { Ok(Vec::new()) }
    }
}

/// Reads a file of witnesses' keys, one vkey a line.
///
/// # Errors
///
/// [`Error::Configuration`] with the name of the file.
pub fn witness_keys(path: &Path) -> Result<Vec<WitnessKey>, Error> {
    let text = fs::read_to_string(path).map_err(|error: io::Error| wrong(path, error))?;
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| line.parse().map_err(|error| wrong(path, error))).collect()
}
