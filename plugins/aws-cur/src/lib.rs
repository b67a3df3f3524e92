//! AWS Cost and Usage Reports.

pub mod columns;
pub mod naming;
pub mod normalize;
