//! Summaries in a PostgreSQL database.

pub mod definition;
