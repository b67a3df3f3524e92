//! The main job: find reports, decide which to read, take their files through the plugin, commit the result.
//!
//! [`plan::plan`] discovers and compares, [`run::execute`] does what the plan says. Nothing in here knows a provider:
//! what a report is, what its rows mean and what a summary holds comes from the plugin; what is loaded already comes
//! from the lake.

pub mod commit;
mod decide;
pub mod error;
pub mod file;
pub mod folding;
pub mod identity;
pub mod load_id;
pub mod loaded;
mod normalizing;
mod parallel;
pub mod period;
mod pieces;
mod pipeline;
pub mod plan;
pub mod progress;
pub mod receipt;
pub mod request;
pub mod resummarize;
pub mod run;
mod sharing;
pub mod summaries;
pub mod tables;
pub mod totals;
mod writing;

/// A time as RFC 3339 UTC text, or the number itself where it is out of range.
pub fn time_text(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0)
        .map_or_else(|| seconds.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
