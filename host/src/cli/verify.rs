//! `costhost verify`: is what a run's receipt says what the lake holds?

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::args::{LakeArgs, checked};
use super::plugin_files::LookupArgs;
use super::{Exit, UsageError, database, table};
use crate::cli::output::Output;
use crate::ingest::loaded::{Selection, month_of, selected};
use crate::lake::{Lake, LoadRecord, load_receipt};
use crate::reconcile::LakeSums;
use crate::registry::{Digest, PluginStore};
use crate::report::{Format, definitions};
use crate::settings::Month;
use crate::verify::{Claim, Verification, Verifier, check_inputs, claims_of};

/// Flags of `costhost verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A receipt that `costhost run --json` printed [default: the receipts that the lake keeps of what it holds]
    #[arg(value_name = "RECEIPT.json")]
    pub receipt: Option<PathBuf>,
    /// Sources as `costhost sources` names them; a name also stands for the reports below it [default: all]
    #[arg(long = "source", value_name = "NAME")]
    pub sources: Vec<String>,
    /// First billing month
    #[arg(long, env = "COSTHOST_FROM", value_name = "YYYY-MM")]
    pub from: Option<Month>,
    /// Last billing month
    #[arg(long, env = "COSTHOST_TO", value_name = "YYYY-MM")]
    pub to: Option<Month>,
    /// Look also whether the input files are what they were; reads none of them
    #[arg(long)]
    pub inputs: bool,
    /// Do not ask for the plugin in the store
    #[arg(long)]
    pub without_plugin: bool,
    /// Where the plugin store lies.
    #[command(flatten)]
    pub lookup: LookupArgs,
    /// The lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Checks and prints. Exit code 1 when anything differs.
///
/// # Errors
/// When there is nothing to check, or the lake cannot be read.
pub async fn execute(args: VerifyArgs) -> anyhow::Result<Exit> {
    let config = args.lake.config()?;
    let tenant = args.lake.tenant(&config)?;
    let lake = args.lake.open(&config)?;
    let store = args.lookup.resolver(&config)?.store().clone();
    let mut claims = args.receipt.as_deref().map(|path| claims(path, &tenant)).transpose()?;
    let selection = Selection { sources: args.sources.clone(), months: checked((args.from, args.to))? };
    let mut all = Vec::new();
    for provider in database::providers(&lake, &tenant).await? {
        let definitions = definitions::databases(&lake, &tenant, &provider).await?;
        let sums = LakeSums::open(&lake, &tenant, &provider).await?;
        for record in selected(&lake, &tenant, &provider, &selection).await? {
            let claim = match &mut claims {
                Some(claims) => claims.remove(&key(&record)),
                None => Some(stored(&lake, &tenant, &record).await?),
            };
            let Some(claim) = claim else { continue };
            let definition = definitions.get(&record.plugin).ok_or_else(|| unknown_plugin(&record))?;
            let verifier = Verifier { lake: &lake, tenant: &tenant, definition, sums: &sums };
            let mut result = verifier.check(&claim, &record).await?;
            if !args.without_plugin {
                check_plugin(&store, &claim, &mut result);
            }
            if args.inputs {
                check_inputs(&claim, &record.location, &mut result).await?;
            }
            all.push(result);
        }
    }
    all.extend(claims.into_iter().flatten().filter(|(_, claim)| meant(claim, &args)).map(|(_, claim)| missing(&claim)));
    if all.is_empty() {
        let message =
            "nothing to verify: the lake holds nothing of that, or the run loaded nothing; see `costhost sources`";
        return Err(UsageError(message.to_owned()).into());
    }
    let mut out = Output::default();
    match args.output {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?,
        form => print(&all, form, &mut out)?,
    }
    Ok(if all.iter().all(Verification::holds) { Exit::Done } else { Exit::Failed })
}

/// Source and month.
type Key = (String, String);

fn key(record: &LoadRecord) -> Key {
    (record.source.clone(), month_of(record).map(|month| month.to_string()).unwrap_or_default())
}

/// What a receipt says is in the lake.
fn claims(path: &std::path::Path, tenant: &str) -> anyhow::Result<BTreeMap<Key, Claim>> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| UsageError(format!("cannot read the receipt {}: {error}", path.display())))?;
    let (of, claims) = claims_of(&text).map_err(|problem| UsageError(format!("{}: {problem}", path.display())))?;
    if of != tenant {
        return Err(UsageError(format!("{} is of tenant {of}; verify it with --tenant {of}", path.display())).into());
    }
    let loaded = claims.into_iter().filter(Claim::says_loaded);
    Ok(loaded.map(|claim| ((claim.source.clone(), claim.period.clone()), claim)).collect())
}

/// Whether a claim without a load in the lake is one that was asked about.
fn meant(claim: &Claim, args: &VerifyArgs) -> bool {
    let named = |name: &String| {
        claim.source == *name || claim.source.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let Ok(month) = claim.period.parse::<Month>() else { return true };
    (args.sources.is_empty() || args.sources.iter().any(named))
        && args.from.is_none_or(|from| from <= month)
        && args.to.is_none_or(|to| month <= to)
}

/// The receipt that the lake keeps of a load.
async fn stored(lake: &Lake, tenant: &str, record: &LoadRecord) -> anyhow::Result<Claim> {
    let text = load_receipt(lake, tenant, &record.provider, record).await?.unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!("the lake's receipt of {} {} cannot be read: {error}", record.source, key(record).1)
    })
}

fn unknown_plugin(record: &LoadRecord) -> anyhow::Error {
    let plugin = &record.plugin;
    anyhow::anyhow!("the lake does not know what tables plugin {plugin} has; run it once on any of its sources")
}

/// Whether the component that made the load can be had again.
fn check_plugin(store: &PluginStore, claim: &Claim, result: &mut Verification) {
    let digest = claim.plugin_digest.parse::<Digest>();
    let found = match digest.as_ref().map(|digest| store.blob(digest)) {
        Ok(Ok(_)) => claim.plugin_digest.clone(),
        Ok(Err(error)) => error.to_string(),
        Err(problem) => problem.clone(),
    };
    if found != claim.plugin_digest {
        result
            .advise(format!("`costhost plugin install` the {} that made it, or verify --without-plugin", claim.plugin));
    }
    result.equal("plugin in the store", &claim.plugin_digest, &found);
}

fn missing(claim: &Claim) -> Verification {
    let mut result = Verification::new(&claim.source, &claim.period);
    result.equal("load id", &claim.load_id, "nothing");
    result.advise("this lake holds nothing of that source and month: is it the lake the run wrote to?".to_owned());
    result
}

fn print(all: &[Verification], form: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let mut rows = table::Table::new(&["source", "period", "result", "what", "receipt", "found"]);
    for one in all {
        for finding in &one.findings {
            let verdict = if finding.holds { "PASS" } else { "FAIL" };
            let cells = [&one.source, &one.period, verdict, &finding.what, &finding.said, &finding.found];
            rows.add(cells.map(str::to_owned));
        }
    }
    rows.write(form, out)?;
    if matches!(form, Format::Csv) {
        return Ok(());
    }
    for one in all {
        one.advice.iter().try_for_each(|advice| writeln!(out, "{} {}: {advice}", one.source, one.period))?;
    }
    match all.iter().filter(|one| !one.holds()).count() {
        0 => writeln!(out, "\nPASS: {} periods are what their receipts say", all.len())?,
        failed => writeln!(out, "\nFAIL: {failed} of {} periods are not what their receipts say", all.len())?,
    }
    Ok(())
}
