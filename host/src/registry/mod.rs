//! Installed plugins: a content-addressed store, names that point into it, pins, and who signed what.
//!
//! A component is known by its SHA-256. Names are pointers: `aws-cur` has versions, each a digest, and one of them is current. What a
//! command runs is settled by a [`Resolver`]: a path, else `costhost.lock`, else the store, else a file beside the program.
//! Whatever way a component came, its bytes are read once, compared with the digest it should have, checked against the
//! [`SignaturePolicy`], and those very bytes go to the engine.
//!
//! Everything here is a plain file that is written beside its place, synced and renamed. Changes hold the store's lock, so
//! two processes may install at once; readers need none.

mod attempts;
mod bundle;
mod digest;
mod error;
mod fetch;
mod files;
mod http;
mod install;
mod lock_file;
mod names;
pub mod oci;
mod record;
mod reference;
mod resolve;
mod signature;
mod store;

pub use bundle::{About, Bundle};
pub use digest::{Digest, DigestPrefix};
pub use error::RegistryError;
pub use fetch::{FetchOptions, Origin, fetch, signature_of_file};
pub use install::{Candidate, InstallOptions, Installed};
pub use lock_file::{LOCK_FILE, LockFile, LockedPlugin};
pub use names::{Change, ChangeKind, InstalledVersion, PluginName};
pub use record::{Record, SignedBy};
pub use reference::{Pin, PluginRef};
pub use resolve::{Found, FoundIn, Resolver};
pub use signature::{Signature, SignatureError, SignaturePolicy, TrustedKey};
pub use store::{PluginStore, Stamp};
