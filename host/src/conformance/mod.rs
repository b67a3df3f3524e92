//! The conformance suite: whether a plugin keeps the contract's promises on its author's own fixtures.
//!
//! A fixture folder holds cases, each a folder with `input/` (what a customer's prefix looks like), `golden/` (what must
//! come out of it, as text) and, where settings matter, `case.json`. Everything runs in the same sandbox and through the
//! same calls as a run. Invariant: the same plugin, fixtures and seed give the same report.

mod case;
mod damage;
mod describe;
mod discovery;
mod error;
mod golden;
mod grant;
mod input;
mod normalized;
mod report;
mod rows;
mod suite;
mod summaries;
mod unit;

pub use case::{Case, cases};
pub use error::ConformanceError;
pub use input::{Input, Pieces, read_input};
pub use normalized::{FileOutcome, normalize};
pub use report::{Check, Outcome, Report};
pub use rows::json_rows;
pub use suite::{Options, run};
