//! `costhost plugin install`: check a plugin and put it into the store.

use clap::Args;

use super::ConfigArgs;
use crate::cli::output::say;
use crate::cli::{Exit, UsageError};
use crate::plugin::{Engine, EngineOptions};
use crate::registry::{
    Candidate, Digest, FetchOptions, InstallOptions, Installed, Origin, RegistryError, Resolver, fetch,
};

/// Flags of `costhost plugin install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// A .wasm file, an https:// URL of one, oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:DIGEST
    #[arg(value_name = "FILE|URL")]
    pub from: String,
    /// File or URL with its signature [default: the same with .minisig or .sig at its end, or what comes with it]
    #[arg(long, value_name = "FILE|URL")]
    pub signature: Option<String>,
    /// Speak HTTP without TLS; registries on this machine are anyway
    #[arg(long)]
    pub plain_http: bool,
    /// What is to become of it.
    #[command(flatten)]
    pub options: OptionArgs,
    /// Where the store lies, and whose signatures are asked for.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// What is asked of an installation.
#[derive(Debug, Args)]
pub struct OptionArgs {
    /// What the SHA-256 of the component must be
    #[arg(long, value_name = "sha256:DIGEST")]
    pub digest: Option<Digest>,
    /// Make it current at once, also where another version is
    #[arg(long = "use")]
    pub make_current: bool,
    /// Let it take a version that is installed with another digest
    #[arg(long)]
    pub replace: bool,
}

impl OptionArgs {
    pub(super) fn options(&self) -> InstallOptions {
        let (make_current, replace) = (self.make_current, self.replace);
        InstallOptions { make_current, replace, expect: self.digest.clone(), expect_as: None }
    }
}

/// Fetches, checks, installs.
///
/// # Errors
/// When it cannot be had, is not what it should be, or the store cannot be written.
pub async fn execute(args: InstallArgs) -> anyhow::Result<Exit> {
    let resolver = Resolver::from_config(&args.config.read()?, None)?;
    let origin: Origin = args.from.parse().map_err(UsageError)?;
    let look_for_signature = resolver.policy().has_keys();
    let how = FetchOptions { signature: args.signature.clone(), look_for_signature, plain_http: args.plain_http };
    let candidate = fetch(&origin, &how).await?;
    install(resolver, candidate, args.options.options()).await
}

/// Installs and tells.
pub(super) async fn install(resolver: Resolver, candidate: Candidate, options: InstallOptions) -> anyhow::Result<Exit> {
    let installed = tokio::task::spawn_blocking(move || {
        let engine = Engine::new(EngineOptions::default())?;
        let installed = resolver.store().install(&engine, resolver.policy(), &candidate, &options)?;
        let name = resolver.store().name(&installed.record.name)?;
        Ok::<_, RegistryError>((installed, name))
    });
    let (installed, name) = installed.await??;
    tell(
        &installed,
        name.as_ref().and_then(|name| name.find(None)).map(|current| (&current.digest, current.version.as_str())),
    )?;
    Ok(Exit::Done)
}

fn tell(installed: &Installed, current: Option<(&Digest, &str)>) -> std::io::Result<()> {
    let record = &installed.record;
    let already = if installed.was_there { " (it was installed already)" } else { "" };
    say!("{} {}  {}{already}", record.name, record.version, record.digest)?;
    say!("from {}", record.origin)?;
    match &record.signed {
        Some(by) => say!("signed by {} ({}, {})", by.key, by.format, by.fingerprint)?,
        None => say!("not signed by a key of the configuration")?,
    }
    match current {
        Some((digest, version)) if *digest != record.digest => {
            let reference = format!("{}@{}", record.name, record.version);
            say!("current is {version} ({}); `costhost plugin use {reference}` switches to this one", digest.short())?;
        }
        _ => say!("{} is current", record.version)?,
    }
    Ok(())
}
