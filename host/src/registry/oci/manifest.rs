//! The manifest and configuration of a WebAssembly artifact, as the CNCF's guidance lays them out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plugin::{MAX_COMPONENT_BYTES, Plugin};
use crate::registry::Digest;

pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
pub(super) const LAYER_TYPE: &str = "application/wasm";
/// Where the signature of a component travels: as an annotation of its layer.
const SIGNATURE: &str = "dev.costhost.signature";

/// A manifest of one component.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default)]
    pub(super) media_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A blob: what it is, how long, and its digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        let (media_type, digest) = (media_type.to_owned(), Digest::of(bytes));
        Self { media_type, digest, size: bytes.len() as u64, annotations: BTreeMap::new() }
    }

    /// The signature that came along, as text.
    pub(super) fn signature(&self) -> Option<&str> {
        self.annotations.get(SIGNATURE).map(String::as_str)
    }

    pub(super) fn with_signature(mut self, signature: Option<String>) -> Self {
        self.annotations.extend(signature.map(|signature| (SIGNATURE.to_owned(), signature)));
        self
    }
}

impl Manifest {
    /// The manifest of a plugin.
    pub(super) fn of(plugin: &Plugin, config: Descriptor, layer: Descriptor) -> Self {
        let manifest = plugin.manifest();
        let annotation = |name: &str, value: &str| (format!("org.opencontainers.image.{name}"), value.to_owned());
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            config,
            layers: vec![layer],
            annotations: BTreeMap::from([
                annotation("title", &manifest.id),
                annotation("version", &manifest.version),
                annotation("description", &manifest.title),
            ]),
        }
    }

    /// The one layer that is a component.
    pub(super) fn component(self) -> Result<Descriptor, String> {
        if self.schema_version != 2 {
            return Err(format!("its manifest is of schema version {}, not 2", self.schema_version));
        }
        let kinds: Vec<String> = self.layers.iter().map(|layer| layer.media_type.clone()).collect();
        let mut components = self.layers.into_iter().filter(|layer| layer.media_type == LAYER_TYPE);
        let (Some(component), None) = (components.next(), components.next()) else {
            return Err(format!("it is not a WebAssembly component: its layers are {kinds:?}, not one {LAYER_TYPE}"));
        };
        if component.size > MAX_COMPONENT_BYTES {
            return Err(format!(
                "its component is {} bytes long, and more than {MAX_COMPONENT_BYTES} are refused",
                component.size
            ));
        }
        Ok(component)
    }
}

/// The configuration blob. No time is in it, so that the same component always is the same artifact.
pub(super) fn config(plugin: &Plugin, component: &Descriptor) -> serde_json::Value {
    serde_json::json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [component.digest],
        "component": { "exports": [], "imports": plugin.imports(), "target": null },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(layers: &[(&str, u64)]) -> Manifest {
        let layer = |(kind, size): &(&str, u64)| Descriptor { size: *size, ..Descriptor::of(kind, b"") };
        Manifest {
            schema_version: 2,
            media_type: None,
            config: Descriptor::of(CONFIG_TYPE, b"{}"),
            layers: layers.iter().map(layer).collect(),
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn only_an_artifact_with_one_component_is_taken() {
        assert!(manifest(&[(LAYER_TYPE, 1)]).component().is_ok());
        let told = |layers: &[(&str, u64)]| manifest(layers).component().unwrap_err();
        assert!(told(&[]).contains("not a WebAssembly"));
        assert!(told(&[("application/vnd.oci.image.layer.v1.tar+gzip", 1)]).contains("tar+gzip"));
        assert!(told(&[(LAYER_TYPE, 1), (LAYER_TYPE, 1)]).contains("not one"));
        assert!(told(&[(LAYER_TYPE, MAX_COMPONENT_BYTES + 1)]).contains("refused"));
    }
}
