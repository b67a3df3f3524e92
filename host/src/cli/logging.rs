//! Log records on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::{LogFormat, UsageError};

/// What Delta warns of and the lake does on purpose: it decides about conflicts itself, and partition columns have no
/// statistics.
const EXPECTED: &str =
    "deltalake_core::kernel::transaction=off,deltalake_core::kernel::snapshot::stats_projection=error";

/// Starts logging for the process. A plain level is that of costhost's own records; libraries then only warn.
///
/// # Errors
/// When the filter cannot be parsed.
pub fn start(format: LogFormat, filter: &str) -> Result<(), UsageError> {
    let plain = filter.parse::<tracing::Level>().is_ok();
    let directives = if plain { format!("warn,{EXPECTED},costhost={filter}") } else { filter.to_owned() };
    let directives = EnvFilter::try_new(directives)
        .map_err(|error| UsageError(format!("--log `{filter}` is not a filter ({error}); write for example info")))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(directives)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
