//! One whole run, as `costhost run` and `costhost serve` do it: prepare the database, plan, load, publish.

use std::collections::BTreeMap;

use crate::ingest::plan::{self, PlanProblem};
use crate::ingest::receipt::Receipt;
use crate::ingest::request::{RunOptions, SourceRequest};
use crate::ingest::run::{self, RunContext};
use crate::lake::Lake;
use crate::plugin::{Cancel, Plugin};
use crate::postgres::Database;
use crate::publish::units;
use crate::report::definitions;

/// A run that has not begun.
#[derive(Debug)]
pub struct Job<'a> {
    /// Where to.
    pub lake: &'a Lake,
    /// Where summaries are published to, if anywhere.
    pub database: Option<&'a Database>,
    /// What is read. Each source works with the plugin it holds to the end, whatever is installed meanwhile.
    pub sources: Vec<SourceRequest>,
    /// What is told of sources that cannot be read at all; the receipt says it with the other problems.
    pub unreadable: Vec<PlanProblem>,
    /// How.
    pub options: RunOptions,
    /// Stops it.
    pub cancel: Cancel,
    /// Whether to draw progress bars.
    pub bars: bool,
}

impl Job<'_> {
    /// Does everything there is to do.
    ///
    /// # Errors
    /// When the run could not start, or the lake or the database are away; what fails for single periods is told by the
    /// receipt.
    pub async fn execute(mut self) -> anyhow::Result<Receipt> {
        if let Some(database) = self.database {
            units::prepare_sources(database, &mut self.sources).await?;
        }
        let started = std::time::Instant::now();
        let mut plan = plan::plan(self.lake, &self.sources, &self.options, &self.cancel).await?;
        plan.problems.splice(0..0, std::mem::take(&mut self.unreadable));
        tracing::debug!(periods = plan.periods.len(), milliseconds = started.elapsed().as_millis(), "planned");
        for problem in &plan.problems {
            tracing::error!(source = problem.source, "{}", problem.message);
        }
        let units = units::units_of(&plan);
        let (lake, options, cancel) = (self.lake.clone(), self.options.clone(), self.cancel.clone());
        let bars = self.bars;
        let mut receipt = tokio::task::spawn_blocking(move || {
            let run = uuid::Uuid::new_v4();
            run::execute(plan, RunContext { lake: &lake, options: &options, cancel: &cancel, run, bars })
        })
        .await??;
        // Also when nothing was loaded: an earlier run may have ended just before this.
        let plugins: BTreeMap<&str, &Plugin> =
            self.sources.iter().map(|source| (source.plugin.digest(), &*source.plugin)).collect();
        for plugin in plugins.values() {
            definitions::publish(self.lake, &self.options.tenant, plugin.manifest()).await?;
        }
        if let Some(database) = self.database {
            let tenant = &self.options.tenant;
            receipt.publications = units::publish_units(self.lake, tenant, database, &units, &self.cancel).await;
        }
        Ok(receipt)
    }
}
