//! The texts that name a source or a lake: local paths, `file://`, `s3://`, `az://`, `gs://`.
//!
//! What follows the bucket is taken as it is written, without percent decoding, as the stores' own tools do.

use std::path::{Path, PathBuf};

use super::error::SourceError;

/// A parsed source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// An absolute path of the local file system, not resolved.
    Local(PathBuf),
    /// A bucket of one of the object stores.
    Bucket {
        /// Which kind of store.
        scheme: Scheme,
        /// Bucket or container.
        bucket: String,
        /// Azure storage account, when the text names it.
        account: Option<String>,
        /// What follows, without a leading `/`.
        key: String,
    },
}

/// The kinds of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Gcs,
}

impl Scheme {
    /// The environment variables that hold its credentials.
    pub(super) fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL",
            Self::Azure => {
                "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, \
                 or AZURE_STORAGE_CONNECTION_STRING"
            }
            Self::Gcs => "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT_KEY",
        }
    }

    /// The scheme as messages write it.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }
}

/// Parses a source text; relative local paths are taken from `base`.
pub(super) fn parse(text: &str, base: &Path) -> Result<Address, SourceError> {
    if text.is_empty() {
        return Err(refuse("(empty)", "name a folder, a file, or a URL such as s3://bucket/prefix"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok(Address::Local(base.join(text)));
    };
    match scheme {
        "file" => local(text),
        "s3" | "s3a" => bucket(Scheme::S3, text, rest),
        "gs" | "gcs" => bucket(Scheme::Gcs, text, rest),
        "az" | "azure" | "abfs" | "abfss" | "adl" => azure(text, rest),
        "https" if rest.split('/').next().is_some_and(is_azure_host) => azure_https(text, rest),
        _ => {
            Err(refuse(text, "use a local path, s3://, az:// or gs:// (for a server of your own set AWS_ENDPOINT_URL)"))
        }
    }
}

fn local(text: &str) -> Result<Address, SourceError> {
    url::Url::parse(text)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .map(Address::Local)
        .ok_or_else(|| refuse(text, "write it as file:///absolute/path"))
}

fn split(scheme: Scheme, text: &str, rest: &str) -> Result<(String, String), SourceError> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        let example = format!("name a bucket, as in {}://bucket/prefix", scheme.prefix());
        return Err(refuse(text, &example));
    }
    if key.contains('?') && (key.contains("sig=") || key.contains("X-Amz-")) {
        let problem = format!("credentials do not belong in the address; set {}", scheme.variables());
        return Err(refuse(text, &problem));
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

fn bucket(scheme: Scheme, text: &str, rest: &str) -> Result<Address, SourceError> {
    let (bucket, key) = split(scheme, text, rest)?;
    if bucket.contains('@') {
        let problem = format!("credentials do not belong in the address; set {}", scheme.variables());
        return Err(refuse(text, &problem));
    }
    Ok(Address::Bucket { scheme, bucket, account: None, key })
}

/// `az://container/key` or `abfss://container@account.dfs.core.windows.net/key`.
fn azure(text: &str, rest: &str) -> Result<Address, SourceError> {
    let (authority, key) = split(Scheme::Azure, text, rest)?;
    let (bucket, account) = match authority.split_once('@') {
        None => (authority, None),
        Some((container, host)) => {
            if !is_azure_host(host) || container.contains(':') {
                return Err(refuse(text, "write it as abfss://container@account.dfs.core.windows.net/path"));
            }
            (container.to_owned(), host.split('.').next().map(str::to_owned))
        }
    };
    Ok(Address::Bucket { scheme: Scheme::Azure, bucket, account, key })
}

/// `https://account.blob.core.windows.net/container/key`, as the portal shows it.
fn azure_https(text: &str, rest: &str) -> Result<Address, SourceError> {
    let (host, rest) = split(Scheme::Azure, text, rest)?;
    let (bucket, key) = split(Scheme::Azure, text, &rest)?;
    let account = host.split('.').next().map(str::to_owned);
    Ok(Address::Bucket { scheme: Scheme::Azure, bucket, account, key })
}

fn is_azure_host(host: &str) -> bool {
    let after = host.split_once('.').map_or("", |(_, after)| after);
    matches!(after, "blob.core.windows.net" | "dfs.core.windows.net")
}

fn refuse(text: &str, problem: &str) -> SourceError {
    SourceError::Address { text: super::error::clean(text), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        parse(text, Path::new("/base")).unwrap()
    }

    fn bucket_of(scheme: Scheme, bucket: &str, account: Option<&str>, key: &str) -> Address {
        Address::Bucket { scheme, bucket: bucket.to_owned(), account: account.map(str::to_owned), key: key.to_owned() }
    }

    #[test]
    fn every_form_is_understood() {
        assert_eq!(at("./folder"), Address::Local(PathBuf::from("/base/./folder")));
        assert_eq!(at("/a b/c%20d"), Address::Local(PathBuf::from("/a b/c%20d")));
        assert_eq!(at("file:///a%20b/c"), Address::Local(PathBuf::from("/a b/c")));
        assert_eq!(at("s3://b"), bucket_of(Scheme::S3, "b", None, ""));
        assert_eq!(at("s3a://b/x%20y z/"), bucket_of(Scheme::S3, "b", None, "x%20y z/"));
        assert_eq!(at("gs://b/x"), bucket_of(Scheme::Gcs, "b", None, "x"));
        assert_eq!(at("az://c/x"), bucket_of(Scheme::Azure, "c", None, "x"));
        let account = Some("acct");
        assert_eq!(at("abfss://c@acct.dfs.core.windows.net/x"), bucket_of(Scheme::Azure, "c", account, "x"));
        assert_eq!(at("https://acct.blob.core.windows.net/c/x/y"), bucket_of(Scheme::Azure, "c", account, "x/y"));
    }

    #[test]
    fn credentials_in_an_address_are_refused_and_not_repeated() {
        for text in [
            "s3://AKIA:secret@b/x",
            "https://acct.blob.core.windows.net/c/x?sv=1&sig=secret",
            "az://c/x?sig=secret",
            "abfss://c:secret@elsewhere.example/x",
        ] {
            let error = parse(text, Path::new("/")).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        for text in ["", "s3:///x", "ftp://x/y", "https://example.org/x"] {
            assert!(parse(text, Path::new("/")).is_err(), "{text}");
        }
    }
}
