//! From an author's types to the component's exports.
//!
//! The component model calls methods through shared handles; cells in here give authors `&mut self`. A component is
//! single-threaded and the host never calls a resource from within a call to it, so a borrow cannot fail; if it did,
//! the failure is told as one and not as a trap.

use crate::bindings::costhost::provider::storage::Bucket;
use crate::bindings::exports::costhost::provider::{describe, discover, fold, normalize, shares, summarize};
use crate::contract::{Failure, Findings, Job, Manifest, Outcome, Output, Request, Task};
use crate::failure::abort;
use crate::plugin::{Accumulate, Normalize, Plugin, Rows, Summarize};
use crate::{ipc, log};
use arrow_array::RecordBatch;
use std::cell::{RefCell, RefMut};
use std::marker::PhantomData;

/// The component made of a plugin. Authors name it through [`crate::export!`] only.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// Makes a component of a plugin that reads reports and makes summaries.
///
/// ```ignore
/// costhost_sdk::export!(MyPlugin);
/// ```
///
/// Natively it makes nothing: the same crate is then a plain library.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod costhost_export {
            #![allow(unsafe_code, unreachable_pub, reason = "generated code")]
            use super::*;
            type Exported = $crate::Component<$plugin>;
            $crate::bindings::export_world!(Exported with_types_in $crate::bindings);
        }
    };
}

impl<P: Plugin> describe::Guest for Component<P> {
    fn describe() -> Manifest {
        P::describe()
    }
}

impl<P: Plugin> discover::Guest for Component<P> {
    fn discover(bucket: &Bucket, request: Request) -> Result<Findings, Failure> {
        P::discover(bucket, &request)
    }
}

impl<P: Plugin> normalize::Guest for Component<P> {
    type Normalizer = NormalizerCell<P::Normalizer>;
}

impl<P: Summarize> summarize::Guest for Component<P> {
    type Accumulator = AccumulatorCell<P::Accumulator>;
}

impl<P: Summarize> fold::Guest for Component<P> {
    fn fold(rows: fold::NormalizerBorrow<'_>, into: fold::AccumulatorBorrow<'_>) -> Result<(), Failure> {
        let rows = rows.get::<NormalizerCell<P::Normalizer>>().0.try_borrow().map_err(|_| entered())?;
        let mut accumulator = into.get::<AccumulatorCell<P::Accumulator>>().borrow()?;
        rows.last.iter().try_for_each(|(table, batch)| accumulator.fold(*table, batch))
    }
}

impl<P: Summarize> shares::Guest for Component<P> {
    fn has_shares(of: shares::AccumulatorBorrow<'_>) -> bool {
        of.get::<AccumulatorCell<P::Accumulator>>().borrow().is_ok_and(|accumulator| accumulator.has_shares())
    }

    fn save_share(of: shares::AccumulatorBorrow<'_>, share: u32, shares: u32) -> Result<Option<Vec<u8>>, Failure> {
        of.get::<AccumulatorCell<P::Accumulator>>().borrow()?.save_share(share, shares)
    }
}

/// A normalizer and the rows of its last push.
#[derive(Debug)]
pub struct NormalizerCell<N>(RefCell<Normalizing<N>>);

#[derive(Debug)]
struct Normalizing<N> {
    normalizer: N,
    last: Vec<(u32, RecordBatch)>,
}

impl<N: Normalize> Normalizing<N> {
    fn outcome(&mut self, rows: Rows) -> Result<Outcome, Failure> {
        self.last = rows.batches;
        rows.notes.iter().for_each(|note| log::info(note));
        Ok(Outcome {
            outputs: self.last.iter().map(|(table, batch)| output(*table, batch)).collect::<Result<_, _>>()?,
            rows: rows.rows,
            rejects: rows.rejects,
            rejects_uncounted: rows.rejects_uncounted,
        })
    }
}

impl<N: Normalize> normalize::GuestNormalizer for NormalizerCell<N> {
    fn open(job: Job) -> Result<normalize::Normalizer, Failure> {
        let normalizer = N::open(&job)?;
        let cell = NormalizerCell(RefCell::new(Normalizing { normalizer, last: Vec::new() }));
        Ok(normalize::Normalizer::new(cell))
    }

    fn push(&self, data: Vec<u8>) -> Result<Outcome, Failure> {
        let mut this = self.0.try_borrow_mut().map_err(|_| entered())?;
        // The rows of the last push are not wanted any more; their memory is.
        this.last = Vec::new();
        let rows = this.normalizer.push(&data)?;
        drop(data);
        this.outcome(rows)
    }

    fn finish(&self) -> Result<Outcome, Failure> {
        let mut this = self.0.try_borrow_mut().map_err(|_| entered())?;
        this.last = Vec::new();
        let rows = this.normalizer.finish()?;
        this.outcome(rows)
    }
}

/// An accumulator.
#[derive(Debug)]
pub struct AccumulatorCell<A>(RefCell<A>);

impl<A> AccumulatorCell<A> {
    fn borrow(&self) -> Result<RefMut<'_, A>, Failure> {
        self.0.try_borrow_mut().map_err(|_| entered())
    }
}

impl<A: Accumulate> summarize::GuestAccumulator for AccumulatorCell<A> {
    fn open(task: Task) -> Result<summarize::Accumulator, Failure> {
        Ok(summarize::Accumulator::new(AccumulatorCell(RefCell::new(A::open(&task)?))))
    }

    fn update(&self, data: Vec<u8>) -> Result<(), Failure> {
        let batches = ipc::decode(&data).map_err(|error| {
            abort("contract.bad-ipc", format!("the rows given to a summary are not a valid Arrow stream: {error}"))
        })?;
        let mut this = self.borrow()?;
        batches.iter().try_for_each(|batch| this.update(batch))
    }

    fn save(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.borrow()?.save()
    }

    fn merge(&self, state: Vec<u8>) -> Result<(), Failure> {
        self.borrow()?.merge(&state)
    }

    fn complete(&self) -> Result<(), Failure> {
        self.borrow()?.complete()
    }

    fn pull(&self) -> Result<Option<Output>, Failure> {
        self.borrow()?.pull()?.map(|(table, batch)| output(table, &batch)).transpose()
    }
}

fn output(table: u32, batch: &RecordBatch) -> Result<Output, Failure> {
    let data = ipc::encode(batch)
        .map_err(|error| abort("plugin.encode", format!("rows of table {table} cannot be encoded: {error}")))?;
    Ok(Output { table, data })
}

fn entered() -> Failure {
    abort("contract.re-entered", "the host called a resource while a call to it was running; this is a bug of the host")
}
