//! Provider plugins: sandboxed components behind the contract in `wit/`.

pub mod manifest;
