//! Summaries in a PostgreSQL database.
//!
//! Invariants: one (source, period) is replaced in one transaction, so that readers see all of the old rows or all of the
//! new ones; values arrive exactly as the lake has them; every identifier is checked by the manifest, qualified by its
//! schema and quoted; no SQL text comes from a plugin or a user; no error shows a password.

mod columns;
mod connect;
mod copy;
pub mod definition;
mod definitions;
mod digest;
mod error;
mod field;
mod identifier;
mod indexes;
mod json;
mod load_reference;
mod lookup;
mod nested;
mod numeric;
mod own_tables;
mod partitions;
mod publication;
mod publish;
mod read;
mod reference_rows;
mod replace;
mod retry;
mod schema;
mod session;
mod tables;
mod tag_keys;
mod totals;

pub use connect::Database;
pub use definitions::StoredDefinition;
pub use error::DatabaseError;
pub use load_reference::LoadedReference;
pub use publication::Publication;
pub use publish::{PublishError, Published, Unit, UnitRows};
pub use read::Days;
pub use schema::Migrated;
pub use totals::BillTotals;
