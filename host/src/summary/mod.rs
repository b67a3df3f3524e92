//! What the host itself makes of a plugin's summaries: rollups, as the plugin's manifest declares them.

mod aggregate;
mod explode;
mod filter;
mod members;
pub mod rollup;

pub use rollup::{RollupError, rollup};

#[cfg(test)]
mod tests;
