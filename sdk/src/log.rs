//! Messages to the operator. Outside a component they go nowhere: a library has no operator.

pub use crate::bindings::costhost::provider::log::Level;

use crate::contract::Label;

/// Writes a message with fields.
pub fn write(level: Level, message: &str, fields: &[Label]) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::costhost::provider::log::write(level, message, fields);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (level, message, fields);
}

/// Something the operator should know of.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}

/// Something worth noting.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}
