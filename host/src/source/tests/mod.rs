//! Tests of the whole module over local files.

mod files;
mod grants;
mod parquet_files;

use std::path::Path;

use tokio::runtime::Runtime;

use super::store::{Location, StoreOptions, open};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn at(runtime: &Runtime, path: &Path) -> Location {
    let location = open(path.to_str().unwrap(), &StoreOptions::default()).unwrap();
    runtime.block_on(location.resolve()).unwrap()
}
