//! The writer's thread: takes what is queued, lets the writer take its turn, until it is stopped. The next
//! batch is whatever queued while the last was syncing: no timer.

use tokio::sync::oneshot;

use super::{
    LedgerError, command::Command, keeper::Keeper, queue::Exit, snapshot::Maker, way::Sent,
    writer::Writer,
};

/// What is done beside the writer, each on a thread of its own.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) keeper: Keeper,
    pub(super) maker: Maker,
}

/// The writer's thread.
#[derive(Debug)]
pub struct Running {
    ended: oneshot::Receiver<Result<(), LedgerError>>,
}

impl Running {
    /// Waits for the end of the thread.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it ended because it could not go on: the process has to end too, and a
    /// new start looks at the disk.
    pub async fn ended(&mut self) -> Result<(), LedgerError> {
        (&mut self.ended)
            .await
            .unwrap_or_else(|_| Err(LedgerError::Stopped("its thread has panicked".to_owned())))
    }
}

pub(super) fn start(
    writer: Writer,
    queue: Exit<Sent>,
    batch: usize,
    aside: Aside,
) -> Result<Running, LedgerError> {
    let (tell, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("portway-writer".to_owned())
        .spawn(move || {
            let outcome = run(writer, &queue, batch, aside);
            // Nobody waits when the process is on its way out.
            drop(tell.send(outcome));
        })
        .map_err(|error| LedgerError::Stopped(error.to_string()))?;
    Ok(Running { ended })
}

fn run(
    mut writer: Writer,
    queue: &Exit<Sent>,
    batch: usize,
    aside: Aside,
) -> Result<(), LedgerError> {
    let Aside { keeper, maker } = aside;
    let outcome = turns(&mut writer, queue, batch, (&keeper, &maker));
    // The threads end, and what was committed last is anchored, whatever the outcome.
    let taken = maker.stop(writer.newest().size);
    let outcome = outcome.and_then(|()| writer.last_turn(taken));
    keeper.destroy(writer.take_destructions());
    keeper.tell(writer.newest(), writer.state.slots());
    keeper.stop();
    outcome?;
    writer.end_streams();
    Ok(())
}

/// Takes turns until it is asked to stop.
fn turns(
    writer: &mut Writer,
    queue: &Exit<Sent>,
    batch: usize,
    (keeper, maker): (&Keeper, &Maker),
) -> Result<(), LedgerError> {
    let mut anchored = 0;
    let mut is_last = false;
    while !is_last {
        let mut taken = queue.take(batch, !writer.has_more());
        is_last = taken.is_last;
        taken.commands.extend(maker.taken().map(Command::RecordSnapshot).map(Sent::from));
        writer.turn(taken.commands)?;
        keeper.destroy(writer.take_destructions());
        let commit = writer.newest();
        if commit.size != anchored {
            anchored = commit.size;
            maker.tell(commit.size);
            keeper.tell(commit, writer.state.slots());
        }
    }
    writer.last_turn(None)
}
