//! How people name an installed plugin: `aws-cur`, `aws-cur@0.2.0`, `aws-cur@sha256:5f0c..`.

use super::digest::DigestPrefix;

/// A plugin's name, and perhaps which one of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRef {
    /// The id that the plugin gives itself: `[a-z][a-z0-9-]{0,62}`.
    pub name: String,
    /// Without it, the current one is meant.
    pub pin: Option<Pin>,
}

/// Which one of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// A semantic version.
    Version(String),
    /// A digest, or how it begins.
    Digest(DigestPrefix),
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(version) => f.write_str(version),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl std::fmt::Display for PluginRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.pin.as_ref().map_or(Ok(()), |pin| write!(f, "@{pin}"))
    }
}

/// Whether a text can be a plugin's id, and so a file name of the store.
pub(super) fn is_plugin_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

impl std::str::FromStr for PluginRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pin) = match text.split_once('@') {
            Some((name, pin)) => (name, Some(pin)),
            None => (text, None),
        };
        if !is_plugin_name(name) {
            return Err(format!(
                "`{text}` names no plugin; write NAME, NAME@VERSION or NAME@sha256:DIGEST, NAME in lower case letters, digits and `-`"
            ));
        }
        let pin = match pin {
            None => None,
            // Digests have no dots and versions have two.
            Some(pin) if pin.contains('.') => {
                semver::Version::parse(pin)
                    .map_err(|error| format!("`{pin}` is not a version such as 1.2.3: {error}"))?;
                Some(Pin::Version(pin.to_owned()))
            }
            Some(pin) => {
                let neither = |_| {
                    format!(
                        "`{pin}` is neither a version such as 1.2.3 nor at least the first eight lower case hexadecimal \
                         digits of a digest"
                    )
                };
                Some(Pin::Digest(pin.parse().map_err(neither)?))
            }
        };
        Ok(Self { name: name.to_owned(), pin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_versions_and_digests_are_told_apart() {
        let parsed = |text: &str| text.parse::<PluginRef>().unwrap();
        assert_eq!(parsed("aws-cur").pin, None);
        assert_eq!(parsed("aws-cur@1.2.3-rc.1").pin, Some(Pin::Version("1.2.3-rc.1".to_owned())));
        assert_eq!(parsed("aws-cur@0123abcd").to_string(), "aws-cur@sha256:0123abcd");
        assert_eq!(parsed("aws-cur@sha256:0123abcd"), parsed("aws-cur@0123abcd"));
        for wrong in [
            "",
            "@1.2.3",
            "Aws",
            "../x",
            "a/b",
            "a@",
            "a@1.2",
            "a@123",
            "a@sha256:",
            "a@sha512:01234567",
            "a@1.2.3@x",
            "-a",
        ] {
            assert!(wrong.parse::<PluginRef>().is_err(), "{wrong}");
        }
        let told = "a@9".parse::<PluginRef>().unwrap_err();
        assert!(told.contains("`9` is neither a version"), "{told}");
    }
}
