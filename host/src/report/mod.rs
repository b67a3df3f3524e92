//! Questions to the lake.
