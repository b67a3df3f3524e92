//! Detached signatures of components, checked offline against public keys that the operator names.
//!
//! Two kinds, told apart by how key files begin: `minisign` (Ed25519 over BLAKE2b) and ECDSA on P-256 over SHA-256, which is what
//! `cosign sign-blob --key` and `openssl dgst -sha256 -sign` make. No certificate, transparency log or server is asked.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::digest::Digest;
use super::error::RegistryError;
use super::files;
use super::record::SignedBy;

/// Keys are a few hundred bytes.
const MAX_KEY_BYTES: u64 = 16 << 10;
/// A `SubjectPublicKeyInfo` of a P-256 key up to its point: id-ecPublicKey, prime256v1, a bit string of 66 bytes.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const MINISIGN: &str = "minisign";
const ECDSA: &str = "ecdsa-p256-sha256";

/// Why a signature is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is none, and one is asked for.
    #[error(
        "it is not signed, and `require_signature` asks for a signature by one of {keys}: give it with --signature, or keep it beside \
         the file as NAME.wasm.minisig or NAME.wasm.sig"
    )]
    Missing {
        /// The keys.
        keys: String,
    },
    /// None of the keys made it, over these bytes.
    #[error("its signature was not made by any of {keys}, or not over these bytes")]
    Wrong {
        /// The keys.
        keys: String,
    },
    /// A signature is asked for and no key is named.
    #[error("`require_signature` is set and `keys` names no public key: no plugin can be used")]
    NoKeys,
}

/// A detached signature, as its file holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// They are a few hundred bytes.
    pub(super) const MAX_BYTES: u64 = 16 << 10;
    /// What names of signature files end with, after the component's whole name.
    pub(super) const ENDINGS: [&str; 2] = ["minisig", "sig"];

    /// A signature from elsewhere; whether it is one shows when it is checked.
    ///
    /// # Errors
    /// When it is too long to be one.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        if bytes.is_empty() || bytes.len() as u64 > Self::MAX_BYTES {
            return Err(format!("{} bytes are no signature", bytes.len()));
        }
        Ok(Self(bytes))
    }

    /// The content of its file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is too long.
    pub fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let corrupt = |problem| RegistryError::Corrupt { path: path.to_owned(), problem };
        files::read_bounded(path, Self::MAX_BYTES)?.map(Self::new).transpose().map_err(corrupt)
    }

    /// The one that lies beside a component: `NAME.wasm.minisig` or `NAME.wasm.sig`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn beside(component: &Path) -> Result<Option<Self>, RegistryError> {
        for ending in Self::ENDINGS {
            let mut path = component.as_os_str().to_owned();
            path.push(format!(".{ending}"));
            if let Some(signature) = Self::read(Path::new(&path))? {
                return Ok(Some(signature));
            }
        }
        Ok(None)
    }
}

/// A public key.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    label: String,
    fingerprint: String,
    kind: KeyKind,
}

#[derive(Debug, Clone)]
enum KeyKind {
    Minisign(minisign_verify::PublicKey),
    /// An uncompressed point.
    P256(Vec<u8>),
}

impl TrustedKey {
    /// Reads a key file: of `minisign -G`, or PEM as of `cosign generate-key-pair` and `openssl ec -pubout`.
    ///
    /// # Errors
    /// When it cannot be read or is no such key.
    pub fn read(path: &Path) -> Result<Self, RegistryError> {
        let corrupt = |problem: String| RegistryError::Corrupt { path: path.to_owned(), problem };
        let bytes = files::read_bounded(path, MAX_KEY_BYTES)?;
        let bytes = bytes.ok_or_else(|| corrupt("there is no such key file".to_owned()))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| corrupt("it is not text; keys are PEM or minisign files".to_owned()))?;
        Self::parse(&path.display().to_string(), &text).map_err(corrupt)
    }

    /// The key in the text of a key file. `label` is how messages call it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(label: &str, text: &str) -> Result<Self, String> {
        let (kind, raw) = if text.contains("-----BEGIN") {
            let point = p256_point(text)?;
            (KeyKind::P256(point.clone()), point)
        } else {
            let key = minisign_verify::PublicKey::decode(text.trim());
            let key = key.map_err(|error| format!("it is neither a PEM public key nor one of minisign: {error}"))?;
            (KeyKind::Minisign(key), text.lines().nth(1).unwrap_or_default().trim().as_bytes().to_vec())
        };
        let fingerprint = Digest::of(&raw).hex().get(..16).unwrap_or_default().to_owned();
        Ok(Self { label: label.to_owned(), fingerprint, kind })
    }

    /// Whether this key made the signature, over these bytes.
    fn made(&self, signature: &Signature, bytes: &[u8]) -> bool {
        match &self.kind {
            KeyKind::Minisign(key) => {
                let text = std::str::from_utf8(signature.bytes()).unwrap_or_default();
                // Signatures of old versions, over the plain bytes, are as good.
                minisign_verify::Signature::decode(text).is_ok_and(|made| key.verify(bytes, &made, true).is_ok())
            }
            KeyKind::P256(point) => {
                // openssl writes DER, cosign the same in base64.
                let text = std::str::from_utf8(signature.bytes()).ok();
                let decoded = text.and_then(|text| BASE64.decode(text.trim()).ok());
                let der = decoded.unwrap_or_else(|| signature.bytes().to_vec());
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(bytes, &der).is_ok()
            }
        }
    }

    fn signed_by(&self) -> SignedBy {
        let format = match self.kind {
            KeyKind::Minisign(_) => MINISIGN,
            KeyKind::P256(_) => ECDSA,
        };
        SignedBy { format: format.to_owned(), key: self.label.clone(), fingerprint: self.fingerprint.clone() }
    }
}

/// The point of a P-256 key in a PEM file.
fn p256_point(pem: &str) -> Result<Vec<u8>, String> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
    const END: &str = "-----END PUBLIC KEY-----";
    let body = pem.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(body, _)| body);
    let body =
        body.ok_or("it is not a PEM file with a PUBLIC KEY (a private key or a certificate is of no use here)")?;
    let text: String = body.split_whitespace().collect();
    let der = BASE64.decode(text).map_err(|error| format!("its base64 is broken: {error}"))?;
    match der.strip_prefix(&P256_SPKI) {
        Some(point) if point.len() == 65 && point.first() == Some(&4) => Ok(point.to_vec()),
        _ => Err("it is not an ECDSA key on the curve P-256, the kind that cosign makes".to_owned()),
    }
}

/// Whose signatures are asked for.
#[derive(Debug, Clone, Default)]
pub struct SignaturePolicy {
    required: bool,
    keys: Vec<TrustedKey>,
}

impl SignaturePolicy {
    /// Every plugin must be signed by one of these keys if `required`; a signature that is there must be right anyway, once there are
    /// keys to check it with.
    pub fn new(required: bool, keys: Vec<TrustedKey>) -> Self {
        Self { required, keys }
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read(required: bool, keys: &[PathBuf]) -> Result<Self, RegistryError> {
        let keys = keys.iter().map(|path| TrustedKey::read(path)).collect::<Result<_, _>>()?;
        Ok(Self { required, keys })
    }

    /// Whether unsigned plugins are refused.
    pub fn requires_signature(&self) -> bool {
        self.required
    }

    /// Whether there is a key to check a signature with.
    pub fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Checks a component, and says who signed it where a key tells.
    ///
    /// # Errors
    /// When it should be signed and is not, or is by someone else.
    pub fn check(&self, bytes: &[u8], signature: Option<&Signature>) -> Result<Option<SignedBy>, SignatureError> {
        if self.keys.is_empty() {
            return if self.required { Err(SignatureError::NoKeys) } else { Ok(None) };
        }
        let keys = || self.keys.iter().map(|key| key.label.as_str()).collect::<Vec<_>>().join(", ");
        let Some(signature) = signature else {
            return if self.required { Err(SignatureError::Missing { keys: keys() }) } else { Ok(None) };
        };
        let signer = self.keys.iter().find(|key| key.made(signature, bytes));
        signer.map(|key| Some(key.signed_by())).ok_or_else(|| SignatureError::Wrong { keys: keys() })
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
