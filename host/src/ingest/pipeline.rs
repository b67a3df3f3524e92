//! The stages of one file on threads of their own, for when there are fewer files than cores.
//!
//! Pieces and outcomes go from stage to stage in order, over channels that hold a few, so memory stays bounded and the
//! result is that of one thread: the same rows and rejects in the same order. So is the error: an error travels
//! behind what came before it, and of two the one that lies earlier in the file is told.
//!
//! A stage that ends early drops its ends of the channels, which ends the others.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use super::error::IngestError;
use super::file::FileTask;
use super::folding::Summarized;
use super::normalizing::{Given, Normalizing};
use super::pieces::Pieces;
use super::writing::{Writing, Written};

/// Pieces of a MiB that wait for the guest.
const PIECES_AHEAD: usize = 4;
/// Outcomes that wait to be written, of ten MiB and more.
const OUTCOMES_AHEAD: usize = 2;

/// A piece for the guest, nothing after the last one, or why there are no more. A channel that ends without either tells of
/// a reader that broke down.
type Piece = Result<Option<Vec<u8>>, IngestError>;

/// What the writing stage is told.
enum Step {
    Write(Given),
    /// The file has come through: its Parquet may be finished. Without it nothing of it is staged.
    End,
}

/// What the stages came to.
pub(super) struct Ended {
    /// Time spent reading.
    pub(super) read: Duration,
    /// What was written, which stays staged when the summaries failed.
    pub(super) written: Written,
    /// What all files of the instance were folded into: this one is its last. Nothing where the instance is to be held.
    pub(super) summaries: Result<Option<Summarized>, IngestError>,
}

/// Works through one file on this thread, which keeps the guest, and two more.
///
/// # Errors
/// As [`super::file::Stretch::file`].
pub(super) fn run(
    task: &FileTask<'_>,
    pieces: Pieces<'_>,
    guest: &mut Normalizing<'_>,
    writing: Writing<'_>,
) -> Result<Ended, IngestError> {
    let (piece_sender, piece_receiver) = sync_channel::<Piece>(PIECES_AHEAD);
    let (used_sender, used_receiver) = channel::<Vec<u8>>();
    let (step_sender, step_receiver) = sync_channel::<Step>(OUTCOMES_AHEAD);
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let _runtime = runtime.enter();
            read(pieces, piece_sender, used_receiver)
        });
        let writing = scope.spawn(|| {
            let _runtime = runtime.enter();
            write(writing, step_receiver)
        });
        let summaries = drive(task, guest, piece_receiver, used_sender, step_sender);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (written, summaries) {
            // What was being written lies before whatever the guest met since.
            (Err(error), _) => Err(error),
            (Ok(Some(written)), Driven::ToTheEnd(summaries)) => Ok(Ended { read, written, summaries }),
            (Ok(_), Driven::Failed(error)) => Err(error),
            // The writing stage ends without an error only when it is told to.
            (Ok(_), Driven::Unheard | Driven::ToTheEnd(_)) => {
                Err(IngestError::Internal(format!("writing the rows of {}", task.period.title())))
            }
        }
    })
}

/// Reads ahead until the end, an error, or until nobody listens. Returns the time spent.
fn read(mut pieces: Pieces<'_>, sender: SyncSender<Piece>, used: Receiver<Vec<u8>>) -> Duration {
    loop {
        let mut piece = used.try_recv().unwrap_or_default();
        let next = pieces.next(&mut piece).map(|more| more.then_some(piece));
        let last = !matches!(next, Ok(Some(_)));
        if sender.send(next).is_err() || last {
            return pieces.spent;
        }
    }
}

/// How the guest's work ended.
enum Driven {
    /// All rows have left the guest, whatever came of its summaries.
    ToTheEnd(Result<Option<Summarized>, IngestError>),
    /// It failed, or the file did.
    Failed(IngestError),
    /// Another stage has ended, and knows why.
    Unheard,
}

/// Gives the guest one piece after another.
fn drive(
    task: &FileTask<'_>,
    guest: &mut Normalizing<'_>,
    pieces: Receiver<Piece>,
    used: Sender<Vec<u8>>,
    steps: SyncSender<Step>,
) -> Driven {
    for piece in pieces {
        let given = match task.check_stop().and(piece) {
            Ok(Some(piece)) => guest.push(&piece).inspect(|_| {
                // Nobody takes it back after the last piece was read.
                let _unheard = used.send(piece);
            }),
            Ok(None) => return end(guest, &steps),
            Err(error) => Err(error),
        };
        match given.map(|given| steps.send(Step::Write(given))) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Driven::Unheard,
            Err(error) => return Driven::Failed(error),
        }
    }
    Driven::Unheard
}

fn end(guest: &mut Normalizing<'_>, steps: &SyncSender<Step>) -> Driven {
    match guest.finish().map(|given| [Step::Write(given), Step::End].into_iter().try_for_each(|step| steps.send(step)))
    {
        // Summaries come out while the Parquet files are finished.
        Ok(Ok(())) => Driven::ToTheEnd(guest.conclude()),
        Ok(Err(_)) => Driven::Unheard,
        Err(error) => Driven::Failed(error),
    }
}

/// Writes what comes. `None` when the file did not come to its end.
fn write(mut writing: Writing<'_>, steps: Receiver<Step>) -> Result<Option<Written>, IngestError> {
    for step in steps {
        match step {
            Step::Write(given) => writing.take(given)?,
            Step::End => return writing.finish().map(Some),
        }
    }
    Ok(None)
}
