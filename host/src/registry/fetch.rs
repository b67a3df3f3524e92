//! Components from where people keep them: a file, a web server, an OCI registry.

use std::path::{Path, PathBuf};

use reqwest::{StatusCode, Url};

use super::attempts::Attempts;
use super::error::RegistryError;
use super::files;
use super::http;
use super::install::Candidate;
use super::oci::{self, OciReference};
use super::signature::Signature;
use crate::plugin::{MAX_COMPONENT_BYTES, read_component};

/// Where a component is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A web server.
    Web(Url),
    /// An OCI registry.
    Oci(OciReference),
}

/// How to fetch.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// A file or URL with the signature. Without it, one that comes along is taken: beside the file or URL, or in the
    /// registry's manifest.
    pub signature: Option<String>,
    /// Ask web servers for a signature beside the component: only worth it with keys to check it with.
    pub look_for_signature: bool,
    /// Allow HTTP without TLS. Registries on this machine are always spoken to without.
    pub plain_http: bool,
}

impl std::str::FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(oci::SCHEME) {
            return text.parse().map(Self::Oci);
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Url::parse(text).map(Self::Web).map_err(|error| format!("{text} is no URL: {error}"));
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(format!(
                "{scheme}:// is not fetched from; give a file, an https:// URL or oci://HOST/REPOSITORY:TAG"
            )),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl std::fmt::Display for Origin {
    /// Without credentials, query or fragment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.write_str(&files::told(path)),
            Self::Web(url) => f.write_str(&plain(url)),
            Self::Oci(reference) => reference.fmt(f),
        }
    }
}

/// Fetches a component and its signature. Nothing of it is checked yet but its size, and digests that a registry names.
///
/// # Errors
/// When it cannot be had.
pub async fn fetch(origin: &Origin, options: &FetchOptions) -> Result<Candidate, RegistryError> {
    let mut candidate = match origin {
        Origin::File(path) => {
            let signature = if options.signature.is_none() { Signature::beside(path)? } else { None };
            Candidate { bytes: read_component(path)?, origin: origin.to_string(), signature }
        }
        Origin::Web(url) => from_web(url, options).await?,
        Origin::Oci(reference) => oci::pull(reference, options.plain_http).await?,
    };
    if let Some(place) = &options.signature {
        candidate.signature = Some(signature(place, options.plain_http).await?);
    }
    Ok(candidate)
}

async fn from_web(url: &Url, options: &FetchOptions) -> Result<Candidate, RegistryError> {
    let plain_http = options.plain_http;
    let bytes = get(url, MAX_COMPONENT_BYTES, plain_http).await?.ok_or_else(|| missing(url))?;
    let mut signature = None;
    if options.look_for_signature && options.signature.is_none() {
        for ending in Signature::ENDINGS {
            let mut beside = url.clone();
            beside.set_path(&format!("{}.{ending}", url.path()));
            if let Some(bytes) = get(&beside, Signature::MAX_BYTES, plain_http).await? {
                signature = Some(Signature::new(bytes).map_err(|problem| remote(&beside, problem))?);
                break;
            }
        }
    }
    Ok(Candidate { bytes, origin: plain(url), signature })
}

async fn signature(place: &str, plain_http: bool) -> Result<Signature, RegistryError> {
    match place.parse::<Origin>().map_err(RegistryError::Usage)? {
        Origin::File(path) => Signature::read(&path)?
            .ok_or_else(|| RegistryError::Usage(format!("there is no signature file {}", path.display()))),
        Origin::Web(url) => {
            let bytes = get(&url, Signature::MAX_BYTES, plain_http).await?.ok_or_else(|| missing(&url))?;
            Signature::new(bytes).map_err(|problem| remote(&url, problem))
        }
        Origin::Oci(_) => Err(RegistryError::Usage("a signature is a file or an https:// URL".to_owned())),
    }
}

/// What a web server has there; `None` when nothing.
async fn get(url: &Url, most: u64, plain_http: bool) -> Result<Option<Vec<u8>>, RegistryError> {
    if url.scheme() != "https" && !plain_http {
        return Err(RegistryError::Usage(format!(
            "{} has no TLS; use https://, or --plain-http where nobody can listen",
            plain(url)
        )));
    }
    let client = http::client(plain_http)?;
    let failed = |problem| remote(url, problem);
    let mut attempts = Attempts::new();
    loop {
        let response = http::send(&mut attempts, || client.get(url.clone())).await.map_err(failed)?;
        match response.status() {
            // Stores whose listing is forbidden say that of what is not there.
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => return Ok(None),
            status if status.is_success() => {
                if let Some(bytes) = http::whole(&mut attempts, response, most).await.map_err(failed)? {
                    return Ok(Some(bytes));
                }
            }
            status => return Err(failed(format!("the server answers {status}"))),
        }
    }
}

fn missing(url: &Url) -> RegistryError {
    remote(url, "there is no such file on the server, or it is not to be read by everyone".to_owned())
}

fn remote(url: &Url, problem: String) -> RegistryError {
    RegistryError::Remote { place: plain(url), problem }
}

/// A URL that can be shown and kept: without name, password, query and fragment.
fn plain(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// Reads the signature that goes with a file that is pushed or exported.
///
/// # Errors
/// When it is named and not there, or cannot be read.
pub fn signature_of_file(component: &Path, named: Option<&Path>) -> Result<Option<Signature>, RegistryError> {
    let Some(path) = named else { return Signature::beside(component) };
    let missing = || RegistryError::Usage(format!("there is no signature file {}", path.display()));
    Signature::read(path)?.map(Some).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_told_apart_and_shown_without_secrets() {
        let parsed = |text: &str| text.parse::<Origin>();
        assert!(matches!(parsed("plugins/aws-cur.wasm"), Ok(Origin::File(_))));
        assert!(matches!(parsed("oci://localhost:5000/a:1"), Ok(Origin::Oci(_))));
        let web = parsed("https://jo:sesame@example.org:8443/p/aws-cur.wasm?token=sesame#x").unwrap();
        assert_eq!(web.to_string(), "https://example.org:8443/p/aws-cur.wasm");
        for wrong in ["s3://bucket/a.wasm", "ftp://x/y", "oci://x", "https://"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn plain_http_is_refused_unless_asked_for() {
        let origin: Origin = "http://127.0.0.1:9/a.wasm".parse().unwrap();
        let error = fetch(&origin, &FetchOptions::default()).await.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("--plain-http"), "{error}");
    }
}
