//! SHA-256 digests of components, the names of everything in the store.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// What digests are written with in references and lock files.
const PREFIX: &str = "sha256:";

/// The SHA-256 of a component: 64 lower case hexadecimal digits, which is also how it is stored. Shown with `sha256:` in front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl std::str::FromStr for Digest {
    type Err = String;

    /// Digits, with or without `sha256:`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        if digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(digits.to_owned()))
        } else {
            Err(format!("`{text}` is not a digest; write sha256: and 64 lower case hexadecimal digits"))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The beginning of a digest, as people write it: at least eight digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestPrefix(String);

impl DigestPrefix {
    /// Whether a digest begins like this.
    pub fn fits(&self, digest: &Digest) -> bool {
        digest.0.starts_with(&self.0)
    }
}

impl std::fmt::Display for DigestPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl std::str::FromStr for DigestPrefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        if (8..=64).contains(&digits.len()) && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(digits.to_owned()))
        } else {
            Err(format!("`{text}` is not a digest; give at least its first eight lower case hexadecimal digits"))
        }
    }
}
