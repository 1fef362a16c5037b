//! The broker's asking: a task of its own for each witness follows the commits, behind them and never in their way.
//! A witness that is down stops nothing; it is told of once, and shows in figures until it is back.

mod address;
mod kept;
mod line;
mod standing;
mod work;

use std::{path::Path, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{domain::Clock, ledger::Ledger, merkle::WitnessKey, tasks::Tasks};

pub use address::{Address, InvalidAddress};
use kept::Kept;
use standing::Asked;
pub use standing::{Cosigned, Fault, Standing};
use work::Work;

/// A witness to ask.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Where it is.
    pub address: Address,
    /// The key that its cosignatures have to be of.
    pub key: WitnessKey,
}

/// The witnesses that a broker asks. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    all: Arc<[Arc<Asked>]>,
    witnessed: watch::Sender<u64>,
}

impl Witnesses {
    /// Begins to ask, until `stop` fires. What was cosigned before a restart is taken up from `dir`, as far as it is of
    /// this log and of these keys.
    pub fn start(
        asking: &[Asking],
        dir: &Path,
        (ledger, clock): (&Ledger, &Arc<dyn Clock>),
        (tasks, stop): (&Tasks, &CancellationToken),
    ) -> Self {
        let witnessed = watch::Sender::new(0);
        let mut all = Vec::new();
        for asking in asking {
            let kept = Kept::new(dir, &asking.key);
            let asked = Arc::new(Asked::new(asking.key.name(), kept.read(ledger)));
            raise(&witnessed, asked.size());
            let work = Work::new(
                (asking.clone(), Arc::clone(&asked), kept),
                (ledger.clone(), Arc::clone(clock)),
                tasks.clone(),
                witnessed.clone(),
            );
            tasks.keep("witness", stop.clone(), work.run(stop.clone()));
            all.push(asked);
        }
        Self { all: all.into(), witnessed }
    }

    /// Returns how each witness stands.
    pub fn standing(&self) -> Vec<Standing> {
        self.all.iter().map(|asked| asked.standing()).collect()
    }

    /// Returns the size of the largest tree that a witness has cosigned, 0 for none, and where more can be waited for.
    pub fn witnessed(&self) -> watch::Receiver<u64> {
        self.witnessed.subscribe()
    }
}

/// Notes that a tree was cosigned.
fn raise(witnessed: &watch::Sender<u64>, size: u64) {
    witnessed.send_if_modified(|largest| {
        let is_larger = *largest < size;
        *largest = (*largest).max(size);
        is_larger
    });
}
