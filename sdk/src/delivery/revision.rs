//! What tells one delivery of a report from the next.

use crate::storage::Object;

/// A digest of names, sizes and etags (or, where the store has none, times), after the delivery's own id.
///
/// Overwrite deliveries may keep their id while their bytes change, so the id alone is not enough.
#[must_use]
pub fn revision(assembly: &str, files: &[Object]) -> String {
    let mut digest = Fnv::new();
    for file in files {
        digest.text(&file.path);
        digest.bytes(&file.size.to_le_bytes());
        match &file.etag {
            Some(etag) => digest.text(etag),
            None => digest.bytes(&file.modified.to_le_bytes()),
        }
    }
    if assembly.is_empty() { digest.hex() } else { format!("{assembly}-{}", digest.hex()) }
}

/// FNV-1a with 128 bits: small, the same everywhere, and not meant to withstand an attacker.
struct Fnv(u128);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
        }
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        // No text holds this byte, so neighbours cannot trade letters.
        self.bytes(&[0xff]);
    }

    fn hex(&self) -> String {
        format!("{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str, size: u64, etag: Option<&str>) -> Object {
        Object { path: path.to_owned(), size, modified: 7, etag: etag.map(str::to_owned) }
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        let mut digest = Fnv::new();
        digest.bytes(b"a");
        assert_eq!(digest.hex(), "d228cb696f1a8caf78912b704e4a8964");
    }

    #[test]
    fn any_change_shows() {
        let one = revision("a", &[object("x", 1, Some("e"))]);
        assert_eq!(one, revision("a", &[object("x", 1, Some("e"))]));
        for other in
            [object("y", 1, Some("e")), object("x", 2, Some("e")), object("x", 1, Some("f")), object("x", 1, None)]
        {
            assert_ne!(one, revision("a", &[other]));
        }
        assert!(one.starts_with("a-"));
    }
}
