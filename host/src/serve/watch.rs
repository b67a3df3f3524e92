//! Looks after the configuration and the plugins: what has changed is checked off to the side, and taken or told.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::gate::{self, Gate, Refusal};
use super::rack::Looked;
use super::service::Service;
use super::setup::{Overrides, Setup};
use super::shadow;
use crate::ingest::error::chain;
use crate::ingest::load_id::sha256_hex;
use crate::plugin::Plugin;
use crate::settings::ConfigFile;

/// Reads and checks a configuration; its digest is known even when it cannot be used.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_setup(path: &Path, overrides: &Overrides) -> (String, Result<Setup, Vec<String>>) {
    // An unreadable file is told by the second reading, in the words of all commands.
    let digest = std::fs::read_to_string(path).map(|text| sha256_hex(&text)).unwrap_or_default();
    let config = ConfigFile::read(path).map_err(|error| vec![error.to_string()]);
    (digest, config.and_then(|config| Setup::of(&config, overrides)))
}

/// The gates of a service: nothing taken away, settings fit, and a shadow run where the configuration asks for one.
struct ServiceGate<'a> {
    service: &'a Service,
    setup: &'a Setup,
}

#[async_trait]
impl Gate for ServiceGate<'_> {
    async fn judge(&self, name: &str, old: Option<&Arc<Plugin>>, new: &Arc<Plugin>) -> Result<(), Refusal> {
        gate::takes_settings(self.setup, name, new)?;
        let Some(old) = old else { return Ok(()) };
        gate::declares_as_much(old, new)?;
        match &self.setup.service.shadow {
            Some(options) => shadow::run(self.service, self.setup, options, name, old, new).await,
            None => Ok(()),
        }
    }
}

impl Service {
    /// Loads every plugin of the configuration. What cannot be loaded is told, and tried again when it changes.
    pub async fn load_plugins(&self) {
        let setup = self.setup();
        for name in setup.plugins() {
            self.look_at(name, &setup).await;
        }
    }

    /// Watches until the service stops.
    pub async fn watch(self: &Arc<Self>) {
        let mut stopped = self.stopped();
        let mut seen = self.board.config().digest;
        let mut unusable = String::new();
        loop {
            let wait = self.setup().service.watch;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stopped.wait_for(|stopping| *stopping) => return,
            }
            self.look_at_config(&mut seen).await;
            self.look_at_resolver(&mut unusable);
            self.load_plugins().await;
        }
    }

    /// Reads keys and the lock file anew. One that cannot be used is told once, and what was read before stays.
    fn look_at_resolver(&self, told: &mut String) {
        match self.setup().resolver(&self.overrides) {
            Ok(resolver) => {
                self.rack.set_resolver(resolver);
                told.clear();
            }
            Err(error) => {
                let problem = chain(&error);
                if *told != problem {
                    tracing::error!("names of plugins are settled as before: {problem}");
                    *told = problem;
                }
            }
        }
    }

    async fn look_at(&self, name: &str, setup: &Setup) -> Looked {
        let looked = self.rack.look(name, &ServiceGate { service: self, setup }).await;
        match &looked {
            Looked::Same => {}
            Looked::Loaded(_) => self.metrics.offered(name, "loaded"),
            Looked::Swapped { .. } => self.metrics.offered(name, "swapped"),
            Looked::Refused(_) => self.metrics.offered(name, "refused"),
        }
        looked
    }

    /// Takes a changed configuration, or tells why not. `seen` is the digest of the file that was looked at last.
    async fn look_at_config(self: &Arc<Self>, seen: &mut String) {
        let (path, overrides) = (self.path.clone(), self.overrides.clone());
        let Ok((digest, read)) = tokio::task::spawn_blocking(move || read_setup(&path, &overrides)).await else {
            return;
        };
        if digest == *seen {
            return;
        }
        seen.clone_from(&digest);
        if digest == self.board.config().digest {
            tracing::info!("the configuration is what is in force again");
            self.board.refused(Vec::new());
            return;
        }
        let taken = match read {
            Ok(setup) => self.try_with_resolver(&setup).await.map(|()| setup),
            Err(problems) => Err(problems),
        };
        match taken {
            Ok(setup) => {
                self.metrics.reloaded("adopted");
                tracing::info!(digest, sources = setup.sources.len(), "configuration adopted");
                self.adopt(setup, digest);
                self.rack.try_again();
            }
            Err(problems) => {
                self.metrics.reloaded("refused");
                for problem in &problems {
                    tracing::error!("the new configuration is not used: {problem}");
                }
                self.board.refused(problems);
            }
        }
        self.rack.keep(&self.setup().plugins());
    }

    /// Tries a configuration with the store, keys and lock file that it names.
    async fn try_with_resolver(self: &Arc<Self>, setup: &Setup) -> Result<(), Vec<String>> {
        let resolver = setup.resolver(&self.overrides).map_err(|error| vec![chain(&error)])?;
        let names: Vec<String> = setup.plugins().into_iter().map(str::to_owned).collect();
        let asked = resolver.clone();
        // A version that is in use already may be one that the new keys or pins do not let pass.
        let read = tokio::task::spawn_blocking(move || {
            let refused = names.iter().filter_map(|name| {
                let error = asked.find(name).and_then(|found| asked.read(&found)).err()?;
                Some(format!("plugin {name}: {}", chain(&error)))
            });
            refused.collect::<Vec<_>>()
        });
        match read.await {
            Ok(problems) if problems.is_empty() => {}
            Ok(problems) => return Err(problems),
            Err(_) => return Err(vec!["looking at its plugins ended without a result".to_owned()]),
        }
        let before = self.rack.set_resolver(resolver);
        let tried = self.try_setup(setup).await;
        if tried.is_err() {
            self.rack.set_resolver(before);
        }
        tried
    }

    /// Whether every plugin of a new configuration can be used with it, and its address be had: the last thing to be looked
    /// at, because the service moves there.
    async fn try_setup(self: &Arc<Self>, setup: &Setup) -> Result<(), Vec<String>> {
        let before = self.setup();
        let mut problems = Vec::new();
        for name in setup.plugins() {
            if let Looked::Refused(refusal) = self.look_at(name, setup).await
                && self.rack.current(name).is_none()
            {
                problems.push(format!("plugin {name}: {refusal}"));
            }
            // A version that is in use may not fit what the sources are set to now.
            if let Some(plugin) = self.rack.current(name)
                && let Err(refusal) = gate::takes_settings(setup, name, &plugin)
            {
                problems.push(refusal.to_string());
            }
        }
        problems.extend(self.changed_plugins(&before, setup));
        if problems.is_empty() && setup.service.listen != before.service.listen {
            match self.listen(setup.service.listen).await {
                Ok(address) => tracing::info!(%address, "the endpoints have moved"),
                Err(problem) => problems.push(format!("serve: {problem}")),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// A source whose plugin goes by another name now is held to what its tables were declared as, if it is the same plugin.
    fn changed_plugins(&self, before: &Setup, setup: &Setup) -> Vec<String> {
        let pairs = setup.sources.iter().filter_map(|source| {
            let old = before.sources.iter().find(|old| old.name == source.name && old.plugin != source.plugin)?;
            Some((source, self.rack.current(&old.plugin)?, self.rack.current(&source.plugin)?))
        });
        let same = pairs.filter(|(_, old, new)| old.manifest().id == new.manifest().id);
        let refused = same.filter_map(|(source, old, new)| {
            let refusal = gate::declares_as_much(&old, &new).err()?;
            Some(format!("source {}: {refusal}", source.name))
        });
        refused.collect()
    }
}
