//! The contract in `wit/`, as wit-bindgen makes it. The rest of the SDK wraps it; plugin authors use the wrapping.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unused_lifetimes,
    trivial_numeric_casts,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "wit",
    world: "provider-with-shares",
    pub_export_macro: true,
    export_macro_name: "export_world",
    default_bindings_module: "costhost_sdk::bindings",
    additional_derives: [PartialEq, Clone],
});
