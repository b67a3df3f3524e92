//! The section `[serve]`: how `costhost serve` goes about its work.

use std::net::SocketAddr;

use serde::Deserialize;

use super::Span;

/// The `[serve]` section. Everything in it has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeSection {
    /// Address of the endpoints.
    pub listen: Option<SocketAddr>,
    /// Whether `POST /run/SOURCE` is taken from other machines, too.
    pub remote_trigger: Option<bool>,
    /// How long a stop waits for runs before it cancels them.
    pub shutdown_grace: Option<Span>,
    /// How often the configuration and plugins are looked at.
    pub watch: Option<Span>,
    /// Runs at once, each of another source.
    pub jobs: Option<usize>,
    /// Whether sources with a schedule also run when the service starts.
    pub run_at_start: Option<bool>,
    /// How long after a failed run the next one starts; twice as long after each further one.
    pub retry: Option<Span>,
    /// The longest such wait.
    pub retry_max: Option<Span>,
    /// Whether a new version of a plugin is tried on delivered reports before it is used.
    pub shadow: Option<bool>,
    /// How many months of each source it is tried on, newest first.
    pub shadow_months: Option<usize>,
    /// The largest difference of a number that a new version may make. Without it differences are only told.
    pub shadow_tolerance: Option<String>,
}
