//! What a costhost provider plugin is written with.
//!
//! An author writes plain types with `&mut self` - a [`Plugin`], its [`Normalize`] and, where it makes summaries, its
//! [`Accumulate`] - and one line, `costhost_sdk::export!(MyPlugin);`. The component model's handles, borrows and byte
//! buffers stay in here. Everything works natively too, so a plugin's logic is tested and profiled as a library.

#![allow(clippy::result_large_err, reason = "failures are the contract's own records, and rare")]

pub mod bindings;

mod arrow_numbers;
pub mod arrow_rows;
mod arrow_runs;
mod arrow_texts;
pub mod billing_period;
pub mod calendar;
mod columns;
pub mod csv;
pub mod daily;
pub mod date_order;
pub mod decimal;
pub mod declare;
pub mod delivery;
mod dictionary;
mod double;
mod export;
pub mod failure;
mod fault;
pub mod file_rows;
mod intern;
pub mod ipc;
pub mod json;
mod json_line;
pub mod json_lines;
pub mod log;
mod map;
pub mod mapping;
mod number;
pub mod plan;
pub mod plugin;
pub mod reject;
pub mod rollup;
pub mod settings;
mod span;
pub mod storage;
pub mod summary;
pub mod table;
pub mod tag_keys;
pub mod testing;
mod text;
pub mod time;
pub mod timing;

pub use arrow_array;
pub use arrow_schema;
pub use export::Component;
pub use plugin::{Accumulate, Normalize, Plugin, Rows, Summarize};

/// The contract's own types, gathered under the names that authors use.
pub mod contract {
    pub use crate::bindings::costhost::provider::storage::{Object, Page, Span, StorageError};
    pub use crate::bindings::costhost::provider::types::{
        Compression, Failure, Form, InputFile, Instant, Label, Output, Period, Position, Reject, Remedy,
    };
    pub use crate::bindings::exports::costhost::provider::describe::{
        Aggregate, Clause, Condition, Dimension, Identity, Index, IndexMethod, Lookup, Manifest, Measure, Money,
        Report as ReportDefinition, Rollup, RollupAggregate, RollupColumn, Summary, Table, TableRole, Unit, Validity,
    };
    pub use crate::bindings::exports::costhost::provider::discover::{Findings, Problem, Report, Request};
    pub use crate::bindings::exports::costhost::provider::normalize::{Job, Outcome};
    pub use crate::bindings::exports::costhost::provider::summarize::Task;
}
