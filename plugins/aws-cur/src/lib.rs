//! AWS Cost and Usage Reports.
