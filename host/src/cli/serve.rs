//! `costhost serve`: sources run on a schedule, plugins swapped under load.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::plugin_files::LookupArgs;
use super::{Exit, UsageError, run};
use crate::cli::output::say;
use crate::plugin::{Engine, EngineOptions};
use crate::serve::{Overrides, Rack, Service, read_setup};

/// Flags of `costhost serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Configuration file with sources and their schedules; watched while the service runs
    #[arg(long, env = "COSTHOST_CONFIG")]
    pub config: PathBuf,
    /// Address of the endpoints /healthz, /readyz, /metrics, /status and /run/SOURCE [default: 127.0.0.1:9464]
    #[arg(long, env = "COSTHOST_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Where the lake lies
    #[arg(long, env = "COSTHOST_LAKE")]
    pub lake: Option<String>,
    /// Organization whose data it is
    #[arg(long, env = "COSTHOST_TENANT")]
    pub tenant: Option<String>,
    /// PostgreSQL database to publish to
    #[arg(long, env = "COSTHOST_POSTGRES", value_name = "URL", hide_env_values = true)]
    pub postgres: Option<String>,
    /// Where names of plugins are looked up.
    #[command(flatten)]
    pub lookup: LookupArgs,
}

/// Serves until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the configuration cannot be used or the address is taken. Nothing later ends the service.
pub async fn execute(args: ServeArgs) -> anyhow::Result<Exit> {
    let overrides = Overrides {
        lake: args.lake,
        tenant: args.tenant,
        postgres: args.postgres,
        listen: args.listen,
        lock: args.lookup.lock,
    };
    let (digest, setup) = read_setup(&args.config, &overrides);
    let setup = setup.map_err(|problems| UsageError(problems.join("\n")))?;
    let resolver = setup.resolver(&overrides)?;
    let listen = setup.service.listen;
    // From here on a signal ends the service in order, also while plugins are compiled.
    let mut stop = tokio::spawn(stop_signal());
    let engine = Engine::new(EngineOptions::default())?;
    let service = Service::new(args.config, overrides, setup, digest, Rack::new(engine, resolver));
    let address = service.listen(listen).await.map_err(anyhow::Error::msg)?;
    // Scripts that ask for port 0 read it here.
    say!("listening on http://{address}")?;
    tokio::select! {
        () = service.load_plugins() => {}
        _ = &mut stop => return Ok(Exit::Done),
    }
    let watched = Arc::clone(&service);
    let watch = tokio::spawn(async move { watched.watch().await });
    let ended = service.run(async { _ = stop.await }).await;
    watch.abort();
    service.close();
    Ok(if ended { Exit::Done } else { Exit::Failed })
}

/// Done with the first signal; a second one ends the process at once.
async fn stop_signal() {
    run::signalled().await;
    tokio::spawn(async {
        run::signalled().await;
        std::process::exit(130);
    });
}
