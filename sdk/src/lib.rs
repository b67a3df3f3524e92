//! What a costhost provider plugin is written with.

pub mod bindings;
