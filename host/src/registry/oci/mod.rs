//! Plugins in OCI registries, where container images lie: the artifact layout that other tools for WebAssembly use.
//!
//! One layer `application/wasm`, a configuration `application/vnd.wasm.config.v0+json`, one manifest. A registry is not trusted: what it sends
//! is bounded, and every byte is checked against the digest that led to it; only a tag is taken at its word.

mod auth;
mod client;
mod helper;
mod manifest;
mod pull;
mod push;
mod reference;

pub use push::{Pushed, push};
pub use reference::OciReference;

pub(super) use pull::pull;
pub(super) use reference::SCHEME;
