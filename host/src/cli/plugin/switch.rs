//! `costhost plugin use` and `rollback`: which installed version a plain name means.

use clap::Args;

use super::ConfigArgs;
use crate::cli::Exit;
use crate::cli::output::say;
use crate::registry::{PluginRef, RegistryError, Resolver};

/// Flags of `costhost plugin use`.
#[derive(Debug, Args)]
pub struct UseArgs {
    /// NAME@VERSION or NAME@sha256:DIGEST of an installed plugin
    #[arg(value_name = "NAME@VERSION")]
    pub plugin: PluginRef,
    /// Where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Flags of `costhost plugin rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Name of an installed plugin
    pub name: String,
    /// Where the store lies.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Makes a version current.
///
/// # Errors
/// When it is not installed or the store cannot be written.
pub fn execute(args: &UseArgs) -> anyhow::Result<Exit> {
    if args.plugin.pin.is_none() {
        let message =
            format!("which {0}? Write {0}@VERSION or {0}@sha256:DIGEST; see `costhost plugin ls`", args.plugin.name);
        return Err(RegistryError::Usage(message).into());
    }
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    match resolver.store().set_current(&args.plugin)? {
        Some(change) => say!("{} {} is current  {}", args.plugin.name, change.version, change.to)?,
        None => say!("{} is current already", args.plugin)?,
    }
    warn_of_lock(&resolver, &args.plugin.name)?;
    Ok(Exit::Done)
}

/// Goes back.
///
/// # Errors
/// When there is nothing to go back to or the store cannot be written.
pub fn roll_back(args: &RollbackArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let change = resolver.store().roll_back(&args.name)?;
    say!("{} {} is current again  {}", args.name, change.version, change.to)?;
    warn_of_lock(&resolver, &args.name)?;
    Ok(Exit::Done)
}

/// A lock file wins over what is current, which would otherwise surprise.
fn warn_of_lock(resolver: &Resolver, name: &str) -> anyhow::Result<()> {
    let (Some(lock), Some(known)) = (resolver.lock(), resolver.store().name(name)?) else { return Ok(()) };
    if let Some(pin) = lock.get(name).filter(|pin| pin.digest != known.current) {
        let lock = lock.path().display();
        say!("{lock} still pins {name} to {}; `costhost plugin lock {name}` pins what is current", pin.version)?;
    }
    Ok(())
}
