//! `oci://registry/repository:tag@sha256:digest`.

use crate::registry::Digest;

/// What references begin with.
pub(in crate::registry) const SCHEME: &str = "oci://";

/// Where an artifact lies in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference {
    /// Host, and port if any.
    pub registry: String,
    /// Path of the repository.
    pub repository: String,
    /// A tag, which may mean something else tomorrow.
    pub tag: Option<String>,
    /// The SHA-256 of the manifest, which may not.
    pub digest: Option<Digest>,
}

impl std::fmt::Display for OciReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl OciReference {
    /// Whether the registry is this very machine, which needs no TLS.
    pub(super) fn is_local(&self) -> bool {
        let host = self.registry.rsplit_once(':').map_or(self.registry.as_str(), |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1")
    }

    /// The tag of its own, or this one.
    pub(super) fn tag_or(&self, tag: &str) -> String {
        // Versions may have a plus, tags may not.
        self.tag.clone().unwrap_or_else(|| tag.replace('+', "_"))
    }
}

impl std::str::FromStr for OciReference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("`{text}` is no reference to a registry: {what}; write oci://HOST/REPOSITORY:TAG or @sha256:DIGEST")
        };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| wrong("it does not begin with oci://"))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|error: String| wrong(&error))?)),
            None => (rest, None),
        };
        let (registry, path) = rest.split_once('/').ok_or_else(|| wrong("there is no repository"))?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if !is_host(registry) {
            return Err(wrong("the host is not one"));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(wrong("a repository is of lower case letters, digits, `.`, `_`, `-` and `/`"));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag is at most 128 letters, digits, `.`, `_` and `-`"));
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "0"));
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok()
}

fn is_component(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().next().is_some_and(letter)
        && text.bytes().last().is_some_and(letter)
        && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_parsed_and_shown_again() {
        let digest = Digest::of(b"");
        for text in [
            "oci://registry.example/plugins/aws-cur:1.0.0",
            "oci://localhost:5000/aws-cur",
            &format!("oci://registry.example/a/b_c:x@{digest}"),
            &format!("oci://registry.example:443/a@{digest}"),
        ] {
            assert_eq!(text.parse::<OciReference>().unwrap().to_string(), *text);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for wrong in [
            "registry.example/a:1",
            "oci://",
            "oci://registry.example",
            "oci://registry.example/",
            "oci:///a:1",
            "oci://registry.example/A:1",
            "oci://registry.example/../a:1",
            "oci://registry.example/a//b:1",
            "oci://registry.example/a:",
            "oci://registry.example/a:b c",
            "oci://registry.example/a?x=1",
            "oci://user:pw@registry.example/a:1",
            "oci://registry.example/a@sha256:00",
            "oci://registry.example:x/a:1",
            "oci://registry.example/a:1/b",
        ] {
            assert!(wrong.parse::<OciReference>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_version_with_build_data_makes_a_tag() {
        let reference: OciReference = "oci://localhost:5000/a".parse().unwrap();
        assert_eq!(reference.tag_or("1.0.0+b.1"), "1.0.0_b.1");
        assert!(reference.is_local());
        assert!(!"oci://localhost.example/a".parse::<OciReference>().unwrap().is_local());
    }
}
