//! Log records on standard error.

use tracing_subscriber::EnvFilter;

use super::{LogFormat, UsageError};

/// Starts logging for the process.
///
/// # Errors
/// When the filter cannot be parsed.
pub fn start(format: LogFormat, filter: &str) -> Result<(), UsageError> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| UsageError(format!("--log `{filter}` is not a filter ({error}); write for example info")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
