//! Objects in.

pub mod grant;
