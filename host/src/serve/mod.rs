//! `costhost serve`: sources run on a schedule, plugins swapped under load, and endpoints that tell of it.
//!
//! [`Setup`] is a checked configuration, [`Service`] works by it, [`Rack`] holds the plugins. A [`timetable`] says what is
//! due, a run is [`crate::job`], as for `costhost run`.
//!
//! Invariants: a source is never run twice at once; a run works with one version of its plugin from beginning to end; a
//! version or a configuration is used only after all of it was checked, and one that is not leaves everything as it was.

pub mod board;
pub mod endpoints;
pub mod gate;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod rack;
pub mod schedule;
pub mod service;
pub mod setup;
pub mod shadow;
pub mod timetable;
pub mod watch;

pub use board::Status;
pub use endpoints::Endpoints;
pub use gate::{Refusal, Stage, misfits};
pub use rack::{Mark, Rack};
pub use schedule::Schedule;
pub use service::Service;
pub use setup::{Overrides, PlannedSource, ServiceOptions, Setup, ShadowOptions};
pub use watch::read_setup;
