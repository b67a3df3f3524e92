//! `costhost plugin export` and `import`: plugins for places that no network reaches.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigArgs, install};
use crate::cli::Exit;
use crate::cli::output::say;
use crate::registry::{Bundle, InstallOptions, PluginRef, Resolver};

/// Flags of `costhost plugin export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// NAME, NAME@VERSION or NAME@sha256:DIGEST of an installed plugin
    #[arg(value_name = "NAME[@VERSION]")]
    pub plugin: PluginRef,
    /// The archive to write
    #[arg(short, long, value_name = "FILE.tar")]
    pub output: PathBuf,
    /// Where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Flags of `costhost plugin import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// An archive that `costhost plugin export` wrote
    #[arg(value_name = "FILE.tar")]
    pub archive: PathBuf,
    /// What is to become of it.
    #[command(flatten)]
    pub options: install::OptionArgs,
    /// Where the store lies, and whose signatures are asked for.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Writes an archive.
///
/// # Errors
/// When the plugin is not installed or the file cannot be written.
pub fn export(args: &ExportArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let store = resolver.store();
    let record = store.export(&store.resolve(&args.plugin)?.digest, &args.output)?;
    say!("{} {}  {}  -> {}", record.name, record.version, record.digest, args.output.display())?;
    Ok(Exit::Done)
}

/// Installs from an archive, with all that any installation is asked.
///
/// # Errors
/// When the archive or the plugin in it is not what it should be.
pub async fn import(args: ImportArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let bundle = Bundle::read(&args.archive)?;
    let expect = Some(args.options.digest.clone().unwrap_or_else(|| bundle.about.digest.clone()));
    let expect_as = Some((bundle.about.name.clone(), bundle.about.version.clone()));
    let options = InstallOptions { expect, expect_as, ..args.options.options() };
    install::install(resolver, bundle.candidate, options).await
}
