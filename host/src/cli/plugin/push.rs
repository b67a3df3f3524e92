//! `costhost plugin push`: publish a plugin to an OCI registry.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Exit;
use crate::cli::output::say;
use crate::plugin::{Engine, EngineOptions, read_component};
use crate::registry::oci::{self, OciReference};
use crate::registry::signature_of_file;

/// Flags of `costhost plugin push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// The component, a .wasm file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// oci://HOST/REPOSITORY, with :TAG or tagged with the plugin's version
    #[arg(value_name = "oci://..")]
    pub to: OciReference,
    /// File with its signature, which goes along [default: FILE.minisig or FILE.sig, if there]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Move a tag that stands on another artifact
    #[arg(long)]
    pub replace: bool,
    /// Speak HTTP without TLS; registries on this machine are anyway
    #[arg(long)]
    pub plain_http: bool,
}

/// Checks that it is a plugin, and pushes it.
///
/// # Errors
/// When it is no plugin, or the registry does not take it.
pub async fn execute(args: PushArgs) -> anyhow::Result<Exit> {
    let bytes = bytes::Bytes::from(read_component(&args.file)?);
    let signature = signature_of_file(&args.file, args.signature.as_deref())?;
    let (file, content) = (args.file.clone(), bytes.clone());
    let load = move || Engine::new(EngineOptions::default())?.load_bytes(Path::new(&file), &content);
    let plugin = tokio::task::spawn_blocking(load).await??;
    let how = (args.replace, args.plain_http);
    let pushed = oci::push(&args.to, &plugin, bytes, signature.as_ref(), how).await?;
    say!("{}", pushed.reference)?;
    say!("{} {}  {}", plugin.manifest().id, plugin.manifest().version, pushed.component)?;
    Ok(Exit::Done)
}
