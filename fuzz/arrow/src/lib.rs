//! The names of the crate `arrow`, which is a roof over these and many more crates that take long to build.

pub use arrow_ipc as ipc;

/// Arrays and what makes them.
pub mod array {
    pub use arrow_array::builder::{MapBuilder, StringBuilder};
    pub use arrow_array::cast::AsArray;
    pub use arrow_array::{Array, ArrayRef, new_null_array};
}

/// Memory.
pub mod buffer {
    pub use arrow_buffer::Buffer;
}

/// Types.
pub mod datatypes {
    pub use arrow_array::types::*;
    pub use arrow_schema::*;
}

/// Errors.
pub mod error {
    pub use arrow_schema::ArrowError;
}

/// Batches.
pub mod record_batch {
    pub use arrow_array::{RecordBatch, RecordBatchOptions};
}
