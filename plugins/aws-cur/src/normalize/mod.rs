//! Placeholder until normalizing is merged.
use arrow_array::RecordBatch;
use costhost_sdk::contract::{Failure, Job, Reject};

/// Rows.
#[derive(Debug, Default)]
pub struct Batches {
    /// b
    pub batches: Vec<RecordBatch>,
    /// r
    pub rows: u64,
    /// j
    pub rejects: Vec<Reject>,
    /// u
    pub rejects_uncounted: u64,
    /// n
    pub notes: Vec<String>,
}
/// N.
#[derive(Debug)]
pub struct Normalizer;
impl Normalizer {
    /// # Errors
    /// Always.
    pub fn open(_: &Job) -> Result<Normalizer, Failure> {
        Err(costhost_sdk::failure::abort("not-merged", "not merged"))
    }
    /// # Errors
    /// Never.
    pub fn push(&mut self, _: &[u8]) -> Result<Batches, Failure> {
        Ok(Batches::default())
    }
    /// # Errors
    /// Never.
    pub fn finish(&mut self) -> Result<Batches, Failure> {
        Ok(Batches::default())
    }
}
