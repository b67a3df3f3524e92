//! Provider plugins: sandboxed components behind the contract in `wit/`. The one place that knows wasmtime.
//!
//! A file becomes a [`Plugin`] through [`Engine::load`]: recognized, checked for what it imports, compiled (or taken from the
//! cache), linked, and asked what it is. A [`Plugin`] finds reports with [`Plugin::discover`] and makes an [`Instance`] for each
//! file or unit of work. Calls block; run them on threads of their own, not in async tasks.
//!
//! A plugin cannot reach anything but the grant lent to `discover`, use more than its [`Limits`], or hand the host a row that
//! was not checked against what it declared.

mod abi;
mod aot;
mod build;
mod call;
mod compile;
mod engine;
mod error;
mod findings;
mod imports;
mod inspect;
mod instance;
mod intake;
mod ipc_frames;
mod limits;
mod linker;
mod loaded;
pub mod manifest;
mod manifest_check;
mod manifest_database;
mod manifest_reports;
mod null_columns;
mod printable;
mod row_reader;
mod state;
pub mod types;

pub use build::{BuildError, Built, build_in_target, build_plugin};
pub use compile::{CompileBounds, compiler_process};
pub use engine::{Cache, Engine, EngineOptions, MAX_COMPONENT_BYTES, read_component};
pub use error::{ErrorClass, Place, PluginError};
pub use inspect::{Finding, inspect};
pub use instance::{AccumulatorHandle, Instance, NormalizerHandle, Usage};
pub use intake::encode_ipc;
pub use limits::{Cancel, LimitKind, Limits};
pub use loaded::{CallContext, Plugin};
pub use manifest_database::is_json;
pub(crate) use printable::printable;
pub use row_reader::{RowReader, Unchecked};
pub use types::*;
