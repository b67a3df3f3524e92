//! Rows from a plugin.

use std::cell::Cell;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

#[path = "../../host/src/plugin/intake.rs"]
mod intake;
#[path = "../../host/src/plugin/ipc_frames.rs"]
mod ipc_frames;
#[path = "../../host/src/plugin/null_columns.rs"]
mod null_columns;
#[path = "../../host/src/plugin/printable.rs"]
mod printable;

/// The names under which the included files know each other.
mod imports {
    pub(super) mod log {
        pub(in crate::plugin) use crate::plugin::printable::printable;
    }
}

pub use intake::encode_ipc;

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Lets panics pass that the intake catches; every other one ends the fuzzer as usual.
pub fn expect_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !READING.get() {
            usual(info);
        }
    }));
}

/// One IPC value, as the host takes it in.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: Vec<u8>, declared: &SchemaRef) -> Result<Vec<RecordBatch>, String> {
    READING.set(true);
    let read = intake::Intake::default().read(bytes, declared);
    READING.set(false);
    read
}
