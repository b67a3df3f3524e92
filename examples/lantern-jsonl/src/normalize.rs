//! One bill into line items.

use crate::manifest::{LINES, lines_schema};
use costhost_sdk::contract::{Failure, Job};
use costhost_sdk::json_lines::JsonLines;
use costhost_sdk::mapping::Mapping;
use costhost_sdk::{Normalize, Rows};

/// Which fields of a charge become which of our columns.
fn mapping() -> Mapping {
    Mapping::new(lines_schema())
        .time("at", "charged_at")
        .field("id", "charge")
        .field("workspace.id", "workspace")
        .field("workspace.name", "workspace_name")
        .field("product", "product")
        .field("usage.quantity", "usage")
        .field("usage.unit", "unit")
        .amount("net.amount", "cost")
        .currency("net.currency", "currency")
        .object("labels", "labels")
        .rest("extra")
}

/// Turns one bill into line items.
#[derive(Debug)]
pub struct Normalizer {
    lines: JsonLines,
}

impl Normalize for Normalizer {
    fn open(job: &Job) -> Result<Normalizer, Failure> {
        Ok(Normalizer {
            lines: JsonLines::new(job, &mapping())?,
        })
    }

    fn push(&mut self, data: &[u8]) -> Result<Rows, Failure> {
        self.lines.push(data)?;
        Ok(Rows::of(LINES, self.lines.take(), Vec::new()))
    }

    fn finish(&mut self) -> Result<Rows, Failure> {
        self.lines.finish()?;
        Ok(Rows::of(LINES, self.lines.take(), self.lines.notes()))
    }
}
