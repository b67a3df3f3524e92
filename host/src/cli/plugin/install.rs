//! `costhost plugin install`: check a plugin and put it into the store.

use std::path::{Path, PathBuf};

use clap::Args;

use super::ConfigArgs;
use crate::cli::Exit;
use crate::plugin::{Engine, EngineOptions, read_component};
use crate::registry::{Candidate, Digest, InstallOptions, Installed, RegistryError, Resolver, Signature};

/// Flags of `costhost plugin install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// A .wasm file
    #[arg(value_name = "FILE")]
    pub from: String,
    /// What its SHA-256 must be
    #[arg(long, value_name = "sha256:DIGEST")]
    pub digest: Option<Digest>,
    /// File with its signature [default: FILE.minisig or FILE.sig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Make it current at once, also where another version is
    #[arg(long = "use")]
    pub make_current: bool,
    /// Let it take a version that is installed with another digest
    #[arg(long)]
    pub replace: bool,
    /// Where the store lies, and whose signatures are asked for.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Fetches, checks, installs.
///
/// # Errors
/// When it cannot be had, is not what it should be, or the store cannot be written.
pub async fn execute(args: InstallArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let candidate = candidate(&args)?;
    let options =
        InstallOptions { make_current: args.make_current, replace: args.replace, expect: args.digest.clone() };
    let installed = tokio::task::spawn_blocking(move || {
        let engine = Engine::new(EngineOptions::default())?;
        let installed = resolver.store().install(&engine, resolver.policy(), &candidate, &options)?;
        let current = resolver.store().name(&installed.record.name)?;
        Ok::<_, RegistryError>((installed, current))
    });
    let (installed, name) = installed.await??;
    let current = name.as_ref().and_then(|name| name.find(None));
    tell(&installed, current.map(|current| current.version.as_str()));
    Ok(Exit::Done)
}

fn candidate(args: &InstallArgs) -> Result<Candidate, RegistryError> {
    let path = Path::new(&args.from);
    let signature = match &args.signature {
        Some(file) => Some(
            Signature::read(file)?
                .ok_or_else(|| RegistryError::Usage(format!("there is no signature file {}", file.display())))?,
        ),
        None => Signature::beside(path)?,
    };
    let origin = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Ok(Candidate { bytes: read_component(path)?, origin, signature })
}

fn tell(installed: &Installed, current: Option<&str>) {
    let record = &installed.record;
    let already = if installed.was_there { " (it was installed already)" } else { "" };
    println!("{} {}  {}{already}", record.name, record.version, record.digest);
    match &record.signed {
        Some(by) => println!("signed by {} ({}, {})", by.key, by.format, by.fingerprint),
        None => println!("not signed by a key of the configuration"),
    }
    let chosen = &record.version;
    match current {
        Some(version) if version != chosen || installed.change.is_none() && !installed.was_there => {
            println!("current is {version}; `costhost plugin use {}@{chosen}` switches to this one", record.name)
        }
        _ => println!("{chosen} is current"),
    }
}
