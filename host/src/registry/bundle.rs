//! A plugin as one file, for places that no network reaches: a tar archive of the component, what is known of it, and its signature.
//!
//! What is read is not trusted: three names, each once, plain files, bounded. The component then goes through everything that any installation goes
//! through, and must be what the archive says it is.

use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};

use super::digest::Digest;
use super::error::RegistryError;
use super::files;
use super::install::Candidate;
use super::record::Record;
use super::signature::Signature;
use super::store::PluginStore;
use crate::plugin::MAX_COMPONENT_BYTES;

const ABOUT: &str = "costhost-plugin.json";
const COMPONENT: &str = "component.wasm";
const SIGNATURE: &str = "signature";
/// The form written and read.
const FORM: u32 = 1;
const MAX_ABOUT_BYTES: u64 = 1 << 20;

/// What an archive says of its component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    form: u32,
    /// The plugin's id.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// The URL or repository it was installed from.
    pub origin: Option<String>,
}

/// A component out of an archive, not checked yet but for its digest.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// What the archive says.
    pub about: About,
    /// To be installed.
    pub candidate: Candidate,
}

impl PluginStore {
    /// Writes an installed component to an archive. The same component makes the same archive.
    ///
    /// # Errors
    /// When the component is not in the store or the file cannot be written.
    pub fn export(&self, digest: &Digest, file: &Path) -> Result<Record, RegistryError> {
        let record = self.record(digest)?;
        let about = About {
            form: FORM,
            name: record.name.clone(),
            version: record.version.clone(),
            digest: digest.clone(),
            origin: record.public_origin().map(str::to_owned),
        };
        let about = serde_json::to_vec_pretty(&about)
            .map_err(|error| RegistryError::Corrupt { path: file.to_owned(), problem: error.to_string() })?;
        let component = self.blob(digest)?;
        let signature = self.signature(digest)?;
        let mut parts = vec![(ABOUT, about.as_slice()), (COMPONENT, component.as_slice())];
        parts.extend(signature.as_ref().map(|signature| (SIGNATURE, signature.bytes())));
        let archive = pack(&parts).map_err(RegistryError::file("write", file))?;
        files::write_atomically(file, &archive, 0o644)?;
        Ok(record)
    }
}

fn pack(parts: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (name, bytes) in parts {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, *bytes)?;
    }
    archive.into_inner()
}

impl Bundle {
    /// Reads an archive.
    ///
    /// # Errors
    /// When it holds anything but the files of an export, they are too long, or the component is not the one it tells of.
    pub fn read(file: &Path) -> Result<Self, RegistryError> {
        let opened = std::fs::File::open(file).map_err(RegistryError::file("read", file))?;
        Self::unpack(opened, &files::told(file))
            .map_err(|problem| RegistryError::Corrupt { path: file.to_owned(), problem })
    }

    fn unpack(archive: impl std::io::Read, place: &str) -> Result<Self, String> {
        let (mut about, mut component, mut signature) = (None, None, None);
        let mut archive = Archive::new(archive);
        let broken = |error: std::io::Error| format!("it is not an archive of `costhost plugin export`: {error}");
        for entry in archive.entries().map_err(broken)?.raw(true) {
            let mut entry = entry.map_err(broken)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let (part, most) = match name.as_str() {
                ABOUT => (&mut about, MAX_ABOUT_BYTES),
                COMPONENT => (&mut component, MAX_COMPONENT_BYTES),
                SIGNATURE => (&mut signature, Signature::MAX_BYTES),
                other => return Err(format!("it holds {other:?}, which no export does")),
            };
            if entry.header().entry_type() != EntryType::Regular {
                return Err(format!("{name} in it is not a plain file"));
            }
            if part.is_some() {
                return Err(format!("{name} is in it twice"));
            }
            let size = entry.header().entry_size().map_err(broken)?;
            if size > most {
                return Err(format!("{name} in it is {size} bytes long, and more than {most} are refused"));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(broken)?;
            if bytes.len() as u64 != size {
                return Err(format!("it ends in the middle of {name}"));
            }
            *part = Some(bytes);
        }
        let missing =
            |name: &str| format!("it is not an archive of `costhost plugin export`: there is no {name} in it");
        let about = serde_json::from_slice::<About>(&about.ok_or_else(|| missing(ABOUT))?);
        let about = about.map_err(|error| format!("{ABOUT} in it: {error}"))?;
        if about.form != FORM {
            return Err(format!("it is of form {}, and this costhost knows {FORM}", about.form));
        }
        let bytes = component.ok_or_else(|| missing(COMPONENT))?;
        let found = Digest::of(&bytes);
        if found != about.digest {
            return Err(format!("its component is {found}, and it says {}", about.digest));
        }
        let signature = signature.map(Signature::new).transpose()?;
        let origin = about.origin.clone().unwrap_or_else(|| place.to_owned());
        Ok(Self { about, candidate: Candidate { bytes, origin, signature } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(digest: &Digest) -> Vec<u8> {
        format!(r#"{{"form":1,"name":"a","version":"1.0.0","digest":"{digest}","origin":"x"}}"#).into_bytes()
    }

    fn read(parts: &[(&str, &[u8])]) -> Result<Bundle, String> {
        Bundle::unpack(pack(parts).unwrap().as_slice(), "a.tar")
    }

    #[test]
    fn an_archive_gives_back_what_was_put_in() {
        let digest = Digest::of(b"wasm");
        let bundle = read(&[(ABOUT, &about(&digest)), (COMPONENT, b"wasm"), (SIGNATURE, b"sig")]).unwrap();
        assert_eq!((bundle.about.name.as_str(), bundle.about.digest), ("a", digest));
        assert_eq!(bundle.candidate.bytes, b"wasm");
        assert_eq!(bundle.candidate.signature.unwrap().bytes(), b"sig");
    }

    #[test]
    fn an_archive_that_was_tampered_with_is_refused() {
        let digest = Digest::of(b"wasm");
        let good = about(&digest);
        let wrong = about(&Digest::of(b"other"));
        let newer = String::from_utf8(good.clone()).unwrap().replace("\"form\":1", "\"form\":2");
        let component = (COMPONENT, b"wasm".as_slice());
        for (parts, told) in [
            (vec![(ABOUT, good.as_slice())], "no component.wasm"),
            (vec![component], "no costhost-plugin.json"),
            (vec![(ABOUT, wrong.as_slice()), component], "and it says"),
            (vec![(ABOUT, newer.as_bytes()), component], "form 2"),
            (vec![(ABOUT, good.as_slice()), component, component], "twice"),
            (vec![(ABOUT, good.as_slice()), component, ("evil", b"")], "no export does"),
            (vec![(ABOUT, good.as_slice()), component, ("sub/component.wasm", b"")], "no export does"),
            (vec![(ABOUT, good.as_slice()), component, (SIGNATURE, &[0; 20_000])], "refused"),
            (vec![(ABOUT, b"{}".as_slice()), component], "missing field"),
        ] {
            let error = read(&parts).unwrap_err();
            assert!(error.contains(told), "{told}: {error}");
        }
    }

    #[test]
    fn links_lying_sizes_and_other_files_are_refused() {
        let told = |bytes: &[u8]| Bundle::unpack(bytes, "a.tar").unwrap_err();
        let mut link = Builder::new(Vec::new());
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        link.append_link(&mut header, COMPONENT, "/etc/passwd").unwrap();
        assert!(told(&link.into_inner().unwrap()).contains("not a plain file"));

        let mut header = Header::new_ustar();
        header.set_path(COMPONENT).unwrap();
        header.set_entry_type(EntryType::Regular);
        header.set_size(MAX_COMPONENT_BYTES + 1);
        header.set_cksum();
        assert!(told(header.as_bytes()).contains("refused"));
        header.set_size(1000);
        header.set_cksum();
        assert!(told(&[header.as_bytes().as_slice(), &[1; 10]].concat()).contains("in the middle"));
        assert!(told(b"\0asm and so on, not a tar archive at all").contains("not an archive"));
        assert!(told(&[7; 2048]).contains("not an archive"));

        // Names that are longer than a header holds come in an entry before; none is needed.
        let mut long = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(0);
        long.append_data(&mut header, "x".repeat(300), &b""[..]).unwrap();
        assert!(told(&long.into_inner().unwrap()).contains("no export does"));
    }
}
