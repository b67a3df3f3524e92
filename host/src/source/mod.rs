//! Objects in: places and their stores, scoped listing, streaming reads, decompression, archives, Parquet.
//!
//! Nothing here knows a provider. [`store::open`] turns a text into a [`store::Location`]; a plugin gets it as a
//! [`bucket::Bucket`] during discovery; files are then read with [`fetch::open_file`] or [`parquet::open_parquet`].

mod address;
mod archive;
pub mod bucket;
pub mod compact;
pub mod error;
pub mod fetch;
pub mod grant;
mod local;
mod location;
mod metered;
pub mod parquet;
mod raw;
mod remote;
mod scope;
mod settings;
pub mod store;

#[cfg(test)]
mod tests;
