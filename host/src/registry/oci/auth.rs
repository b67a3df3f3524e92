//! Who we are to a registry: what it asks for, and what the user has.
//!
//! Credentials come from `COSTHOST_REGISTRY_USER` and `COSTHOST_REGISTRY_PASSWORD`, else from the file that `docker login` and
//! `podman login` write, or the credential helper that it names. They are sent to the registry that is talked to, and to the token server it names over TLS.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::helper;

/// No such file is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A name and a password.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a registry asks for with status 401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token, to be had from another server.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// From a `WWW-Authenticate` header.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters_of(parameters) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }
}

/// `a="b",c="d,e"` as pairs. Quoted values may hold commas.
fn parameters_of(mut text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest
                .split_once(',')
                .map_or((rest, ""), |(value, _)| (value, rest.get(value.len()..).unwrap_or_default())),
        };
        pairs.push((name.trim_matches([' ', ',']).to_owned(), value.trim().to_owned()));
        text = rest.trim_start_matches([' ', ',']);
    }
    pairs
}

/// The answer of a token server.
#[derive(Deserialize)]
pub(super) struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    pub(super) fn text(self) -> Option<String> {
        self.token.or(self.access_token)
    }
}

/// What the user has for a registry, if anything.
pub(super) fn credentials(registry: &str) -> Option<Credentials> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(user), Some(password)) = (variable("COSTHOST_REGISTRY_USER"), variable("COSTHOST_REGISTRY_PASSWORD")) {
        return Some(Credentials { user, password });
    }
    login_files().iter().find_map(|path| from_file(path, registry))
}

/// Where logins are kept, in the order in which they are looked at.
fn login_files() -> Vec<PathBuf> {
    let folder = |name: &str, below: &str| std::env::var_os(name).map(|folder| PathBuf::from(folder).join(below));
    let named = std::env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from);
    [
        named,
        folder("DOCKER_CONFIG", "config.json"),
        folder("XDG_RUNTIME_DIR", "containers/auth.json"),
        folder("HOME", ".docker/config.json"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[derive(Deserialize)]
struct LoginFile {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, Login>,
    /// Helpers of single registries.
    #[serde(default, rename = "credHelpers")]
    helpers: std::collections::BTreeMap<String, String>,
    /// The helper of all others.
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    auth: Option<String>,
}

fn from_file(path: &Path, registry: &str) -> Option<Credentials> {
    let bytes = crate::registry::files::read_bounded(path, MAX_FILE_BYTES).ok().flatten()?;
    let file: LoginFile = serde_json::from_slice(&bytes)
        .inspect_err(|_| tracing::warn!(file = %path.display(), "a file with logins is not JSON and is not used"))
        .ok()?;
    // As docker has it: a registry's own helper, else the one of all, else what the file itself holds.
    if let Some(helper) = file.helpers.get(registry).or(file.store.as_ref()).filter(|helper| !helper.is_empty())
        && let Some(found) = helper::credentials(helper, registry)
    {
        return Some(found);
    }
    let login = file.auths.get(registry).or_else(|| file.auths.get(&format!("https://{registry}")))?;
    let text = String::from_utf8(BASE64.decode(login.auth.as_ref()?).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credentials { user: user.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_commas_in_their_scope() {
        let header = "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull,push\"";
        assert_eq!(
            Challenge::parse(header),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".to_owned(),
                service: Some("registry.example".to_owned()),
                scope: Some("repository:a/b:pull,push".to_owned()),
            })
        );
        assert_eq!(Challenge::parse("basic realm=\"x\""), Some(Challenge::Basic));
        let unquoted = Challenge::parse("Bearer service=s, realm=https://a.example");
        assert!(matches!(unquoted, Some(Challenge::Bearer { realm, .. }) if realm == "https://a.example"));
        for wrong in ["", "Bearer", "Bearer service=\"x\"", "Negotiate abc", "Bearer realm"] {
            assert_eq!(Challenge::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn logins_are_found_by_registry_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let auth = BASE64.encode("jo:se:same");
        std::fs::write(&path, format!(r#"{{"auths":{{"registry.example:5000":{{"auth":"{auth}"}},"other":{{}}}}}}"#))
            .unwrap();
        let found = from_file(&path, "registry.example:5000").unwrap();
        assert_eq!((found.user.as_str(), found.password.as_str()), ("jo", "se:same"));
        assert!(!format!("{found:?}").contains("same"));
        assert!(from_file(&path, "other").is_none() && from_file(&path, "registry.example").is_none());
        std::fs::write(&path, "no json").unwrap();
        assert!(from_file(&path, "other").is_none());
    }
}
