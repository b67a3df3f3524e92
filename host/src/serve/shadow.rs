//! A new version in the shadow of the one in use: both work through the newest delivered months of every source, into
//! nothing, and their numbers are compared.

use std::sync::Arc;

use super::gate::{Refusal, Stage};
use super::service::Service;
use super::setup::{PlannedSource, Setup, ShadowOptions};
use crate::compare::rows::Side;
use crate::compare::{CompareError, Difference, Months, Trial};
use crate::ingest::request::RunOptions;
use crate::plugin::{Cancel, Plugin};

/// Tries a version on the sources that use it.
///
/// # Errors
/// When it fails on reports that the version in use reads, or changes numbers by more than is allowed.
pub async fn run(
    service: &Service,
    setup: &Setup,
    options: &ShadowOptions,
    name: &str,
    old: &Arc<Plugin>,
    new: &Arc<Plugin>,
) -> Result<(), Refusal> {
    let version = new.manifest().version.as_str();
    for source in setup.sources.iter().filter(|source| source.plugin == name) {
        let refused = |why: String| Refusal::at(Stage::Shadow, Some(new), format!("source {}: {why}", source.name));
        let compared = compare(setup, options, source, old, new, service.cancel.clone()).await;
        if service.is_stopping() {
            return Err(refused("the service is stopping".to_owned()));
        }
        match compared {
            Ok(difference) => {
                let (changed, told) = (difference.changed, difference.told());
                tracing::info!(plugin = name, version, source = source.name, changed, "shadow run: {told}");
                if options.tolerance.is_some() && difference.changed {
                    return Err(refused(format!("{version} {told}")));
                }
            }
            Err(error @ CompareError::Fails { side: Side::New, .. }) => return Err(refused(error.told())),
            // What the version in use cannot do, or what nobody can read now, is no fault of the new one.
            Err(error) => {
                let problem = error.told();
                tracing::warn!(plugin = name, version, source = source.name, "no shadow run: {problem}");
            }
        }
    }
    Ok(())
}

async fn compare(
    setup: &Setup,
    options: &ShadowOptions,
    source: &PlannedSource,
    old: &Arc<Plugin>,
    new: &Arc<Plugin>,
    cancel: Cancel,
) -> Result<Difference, CompareError> {
    let trial = Trial {
        source: source.clone().request(Arc::clone(old)),
        new: Arc::clone(new),
        months: Months::Newest(options.months),
        by: Vec::new(),
        tolerance: options.tolerance.unwrap_or_default(),
        options: RunOptions { now: chrono::Utc::now().timestamp(), ..setup.options.clone() },
        cancel,
    };
    let runtime = tokio::runtime::Handle::current();
    // On a thread of its own, as runs are.
    let compared = tokio::task::spawn_blocking(move || runtime.block_on(trial.compare())).await;
    compared.unwrap_or_else(|_| Err(CompareError::Internal("two versions".to_owned())))
}
