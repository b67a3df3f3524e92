//! costhost: cloud bills in, a typed Parquet lake and daily cost summaries out.
//!
//! The library behind the `costhost` program. Everything that knows a provider lives in a WebAssembly component
//! ([`plugin`]); everything that touches the outside world lives here: objects in ([`source`]), the run itself
//! ([`ingest`]), which plugins are installed ([`registry`]), rollups ([`summary`]), the lake ([`lake`]), the database ([`postgres`]) and the questions they answer
//! ([`report`]).

pub mod cli;
pub mod compare;
pub mod conformance;
pub mod ingest;
pub mod job;
pub mod lake;
pub mod plugin;
pub mod postgres;
pub mod publish;
pub mod reconcile;
pub mod registry;
pub mod report;
pub mod serve;
pub mod settings;
pub mod source;
pub mod summary;
pub mod verify;
