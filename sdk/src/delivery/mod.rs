//! What finding reports takes, whoever delivers them: folders that are listed once, how files are to be read, names of
//! sources, and what tells one delivery from the next.

pub mod files;
pub mod head;
pub mod resolve;
pub mod revision;
pub mod source_name;
pub mod tree;
