//! Small JSON documents beside a provider's tables, such as the report definitions that its plugin declared.

use object_store::ObjectStoreExt as _;

use super::Lake;
use super::error::LakeError;
use super::partition::check_segment;

impl Lake {
    /// Stores a document in place of an earlier one of this name.
    ///
    /// # Errors
    /// For unsafe names, and when the store refuses.
    pub async fn put_document(
        &self,
        tenant: &str,
        provider: &str,
        name: &str,
        bytes: bytes::Bytes,
    ) -> Result<(), LakeError> {
        let key = self.document_key(tenant, provider, name)?;
        let put = self.location.store().put(&key, bytes.into()).await;
        put.map(|_| ()).map_err(|error| LakeError::store("writing", &key, error))
    }

    /// A document, or `None` when there is none of this name.
    ///
    /// # Errors
    /// For unsafe names, and when the store refuses.
    pub async fn get_document(
        &self,
        tenant: &str,
        provider: &str,
        name: &str,
    ) -> Result<Option<bytes::Bytes>, LakeError> {
        let key = self.document_key(tenant, provider, name)?;
        let read = async { self.location.store().get(&key).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(LakeError::store("reading", &key, error)),
        }
    }

    fn document_key(&self, tenant: &str, provider: &str, name: &str) -> Result<object_store::path::Path, LakeError> {
        check_segment("tenant", tenant)?;
        check_segment("provider", provider)?;
        check_segment("document", name)?;
        self.location.key(&format!("{tenant}/{provider}/_costhost/{name}.json"))
    }
}
