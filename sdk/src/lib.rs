//! What a costhost provider plugin is written with.

pub mod bindings;

pub mod arrow_rows;
pub mod csv;
pub mod decimal;
mod fault;
mod intern;
pub mod ipc;
pub mod json;
mod map;
mod number;
pub mod plan;
pub mod reject;
mod span;
pub mod table;
mod text;
pub mod time;
