//! A component into a registry.

use base64::Engine as _;
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};

use super::client::Client;
use super::manifest::{CONFIG_TYPE, Descriptor, LAYER_TYPE, MANIFEST_TYPE, Manifest, config};
use super::pull::MAX_MANIFEST_BYTES;
use super::reference::OciReference;
use crate::plugin::Plugin;
use crate::registry::error::RegistryError;
use crate::registry::{Digest, Signature};

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Tag and digest of the manifest: what others install.
    pub reference: OciReference,
    /// The component.
    pub component: Digest,
}

/// Pushes a component that was loaded from `bytes`. Without a tag in the reference it is tagged with its version. The same component pushed
/// twice is the same artifact.
///
/// # Errors
/// When the tag is taken by another component and `replace` is not given, or the registry cannot be reached or does not allow it.
pub async fn push(
    reference: &OciReference,
    plugin: &Plugin,
    bytes: Bytes,
    signature: Option<&Signature>,
    (replace, plain_http): (bool, bool),
) -> Result<Pushed, RegistryError> {
    let mut client = Client::new(reference, plain_http)?;
    let tag = reference.tag_or(&plugin.manifest().version);
    let layer = Descriptor::of(LAYER_TYPE, &bytes).with_signature(signature.map(as_text));
    let failed = |error: serde_json::Error| RegistryError::Usage(error.to_string());
    let config_bytes = Bytes::from(serde_json::to_vec(&config(plugin, &layer)).map_err(failed)?);
    let config = Descriptor::of(CONFIG_TYPE, &config_bytes);
    let manifest = Manifest::of(plugin, config.clone(), layer.clone());
    let manifest = Bytes::from(serde_json::to_vec(&manifest).map_err(failed)?);
    let digest = Digest::of(&manifest);
    let path = format!("manifests/{tag}");
    if let Some(there) = client.get(&path, MANIFEST_TYPE, MAX_MANIFEST_BYTES).await?
        && Digest::of(&there) != digest
        && !replace
    {
        return Err(client.error(format!(
            "the tag {tag} is taken by another artifact ({}); --replace moves it",
            Digest::of(&there)
        )));
    }
    upload(&mut client, &layer, bytes).await?;
    upload(&mut client, &config, config_bytes).await?;
    let url = client.url(&path)?;
    let put = client
        .send(Method::PUT, &url, |request| request.header(CONTENT_TYPE, MANIFEST_TYPE).body(manifest.clone()))
        .await?;
    client.succeeded(put).await?;
    let reference = OciReference { tag: Some(tag), digest: Some(digest), ..reference.clone() };
    Ok(Pushed { reference, component: layer.digest })
}

/// Uploads a blob in one piece, unless it is there.
async fn upload(client: &mut Client, blob: &Descriptor, bytes: Bytes) -> Result<(), RegistryError> {
    let there = client.url(&format!("blobs/{}", blob.digest))?;
    if client.send(Method::HEAD, &there, |request| request).await?.status() == StatusCode::OK {
        return Ok(());
    }
    let begin = client.url("blobs/uploads/")?;
    let begun = client.send(Method::POST, &begin, |request| request.header(reqwest::header::CONTENT_LENGTH, 0)).await?;
    let begun = client.succeeded(begun).await?;
    let mut url = client.location(&begun)?;
    url.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
    let put = client
        .send(Method::PUT, &url, |request| request.header(CONTENT_TYPE, "application/octet-stream").body(bytes.clone()))
        .await?;
    client.succeeded(put).await.map(|_| ())
}

/// Signatures travel as text: minisign's are, and those of openssl are made to be what cosign writes.
fn as_text(signature: &Signature) -> String {
    let encoded = || base64::engine::general_purpose::STANDARD.encode(signature.bytes());
    std::str::from_utf8(signature.bytes()).map_or_else(|_| encoded(), str::to_owned)
}
