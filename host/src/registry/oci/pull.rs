//! A component out of a registry.

use super::client::Client;
use super::manifest::{LAYER_TYPE, MANIFEST_TYPE, Manifest};
use super::reference::OciReference;
use crate::registry::error::RegistryError;
use crate::registry::{Candidate, Digest, Signature};

/// Manifests are a few kilobytes.
pub(super) const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Pulls a component: the manifest that the reference names, then the one layer that is a component. Both are checked against
/// the digests that led to them.
///
/// # Errors
/// When it is not there, is something else, or the registry cannot be reached or does not allow it.
pub(in crate::registry) async fn pull(reference: &OciReference, plain_http: bool) -> Result<Candidate, RegistryError> {
    let mut client = Client::new(reference, plain_http)?;
    let wanted = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => {
            return Err(RegistryError::Usage(format!(
                "{reference} names neither a tag nor a digest; write :TAG or @sha256:DIGEST"
            )));
        }
    };
    let bytes = client.get(&format!("manifests/{wanted}"), MANIFEST_TYPE, MAX_MANIFEST_BYTES).await?;
    let bytes = bytes.ok_or_else(|| {
        client.error("there is no such tag or manifest; a digest here is that of the manifest".to_owned())
    })?;
    let found = Digest::of(&bytes);
    if let Some(expected) = reference.digest.as_ref().filter(|expected| **expected != found) {
        return Err(wrong(reference, expected, found));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| client.error(format!("its manifest is not one of an artifact with a component: {error}")))?;
    let layer = manifest.component().map_err(|problem| client.error(problem))?;
    let component = client.get(&format!("blobs/{}", layer.digest), LAYER_TYPE, layer.size).await?;
    let component = component.ok_or_else(|| client.error(format!("its component {} is missing", layer.digest)))?;
    let digest = Digest::of(&component);
    if digest != layer.digest {
        return Err(wrong(reference, &layer.digest, digest));
    }
    let signature = layer.signature().map(|text| Signature::new(text.as_bytes().to_vec())).transpose();
    let signature = signature.map_err(|problem| client.error(problem))?;
    // What was pulled, not what the tag may mean tomorrow.
    let origin = OciReference { digest: Some(found), ..reference.clone() }.to_string();
    Ok(Candidate { bytes: component, origin, signature })
}

fn wrong(reference: &OciReference, expected: &Digest, found: Digest) -> RegistryError {
    let advice = "The registry or something on the way to it changed it; nothing was installed".to_owned();
    RegistryError::WrongDigest { place: reference.to_string(), expected: expected.clone(), found, advice }
}
