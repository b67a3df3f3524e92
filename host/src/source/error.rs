//! Why something could not be read, with the place, what was tried and what to do.
//!
//! Invariant: no text built here holds a credential or a query string (which may be a signature).

use super::grant::GrantError;

/// A failed read of a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text that names the source cannot be understood.
    #[error("{text}: {problem}")]
    Address {
        /// The text, without credentials.
        text: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No such object, folder or bucket.
    #[error("{place} does not exist ({operation}): check the name")]
    NotFound {
        /// What was looked for.
        place: String,
        /// What was tried.
        operation: &'static str,
    },
    /// The store or the file system refused, or the path leads out of the source.
    #[error("{place}: access denied ({operation}): {advice}")]
    Denied {
        /// What was to be read.
        place: String,
        /// What was tried.
        operation: &'static str,
        /// What to check.
        advice: String,
    },
    /// The store did not answer, or the disk failed. May work another time.
    #[error("{place} could not be reached ({operation}): {detail}")]
    Unavailable {
        /// What was to be read.
        place: String,
        /// What was tried.
        operation: &'static str,
        /// What happened and what to check.
        detail: String,
    },
    /// The bytes are not what they should be.
    #[error("{place}, byte {offset}: {problem}")]
    Corrupt {
        /// The file.
        place: String,
        /// Offset in the file as it is stored, before decompression.
        offset: u64,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The object was replaced in mid-read.
    #[error("{place} changed while it was read: run again")]
    Changed {
        /// The file.
        place: String,
    },
    /// Readable, but not by this program.
    #[error("{place}: {problem}")]
    Unsupported {
        /// The file.
        place: String,
        /// What it is and what to do.
        problem: String,
    },
    /// Over a limit the operator set.
    #[error("{place}: over the limit: {limit}")]
    OverLimit {
        /// The file or source.
        place: String,
        /// Which limit, with its value.
        limit: String,
    },
}

impl SourceError {
    /// An error of the local file system.
    pub(super) fn from_io(place: impl Into<String>, operation: &'static str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let place = place.into();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NotFound { place, operation },
            ErrorKind::PermissionDenied => Self::Denied {
                place,
                operation,
                advice: "the user this runs as may not read it; check its permissions".to_owned(),
            },
            ErrorKind::IsADirectory => {
                Self::Unsupported { place, problem: "it is a folder where a file was expected".to_owned() }
            }
            _ => Self::Unavailable { place, operation, detail: error.to_string() },
        }
    }

    /// An error of an object store. `variables` names the environment variables that hold its credentials.
    pub(super) fn from_store(
        place: impl Into<String>,
        operation: &'static str,
        variables: &str,
        error: &object_store::Error,
    ) -> Self {
        let place = place.into();
        let said = summarize(error);
        match meaning(error, &said) {
            Meaning::Missing if said.contains("NoSuchBucket") || said.contains("ContainerNotFound") => {
                Self::NotFound { place: format!("the bucket of {place}"), operation }
            }
            Meaning::Missing => Self::NotFound { place, operation },
            Meaning::Refused => {
                let advice =
                    format!("the store refused the credentials or the right to do this ({said}); check {variables}");
                Self::Denied { place, operation, advice }
            }
            Meaning::NoCredentials => {
                let advice = format!("no credentials were found ({said}); set {variables}");
                Self::Denied { place, operation, advice }
            }
            Meaning::Changed => Self::Changed { place },
            Meaning::BadName => Self::Unsupported { place, problem: format!("a name in it cannot be read: {said}") },
            Meaning::Answered => {
                Self::Unavailable { place, operation, detail: format!("the store answered {said}; run again later") }
            }
            Meaning::Silent => Self::Unavailable {
                place,
                operation,
                detail: format!("{said}; check the network, the endpoint and the region, then run again"),
            },
        }
    }

    /// Whether the same read may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl From<SourceError> for GrantError {
    fn from(error: SourceError) -> Self {
        let text = error.to_string();
        match error {
            SourceError::NotFound { place, .. } => Self::NotFound(place),
            SourceError::Denied { .. } | SourceError::Address { .. } => Self::Denied(text),
            SourceError::OverLimit { .. } => Self::OverLimit(text),
            SourceError::Unavailable { .. } | SourceError::Changed { .. } => Self::Unavailable(text),
            SourceError::Corrupt { .. } | SourceError::Unsupported { .. } => Self::Corrupt(text),
        }
    }
}

/// What a store's library said when it could not even be set up.
pub(super) fn said_of_settings(error: &object_store::Error) -> String {
    summarize(error)
}

/// What a store's error comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Missing,
    Refused,
    NoCredentials,
    Changed,
    BadName,
    /// The store answered, with another error.
    Answered,
    Silent,
}

/// Listings give every answer as a generic error, so the answer's own code and status are looked at too.
fn meaning(error: &object_store::Error, said: &str) -> Meaning {
    use object_store::Error as E;
    const MISSING: [&str; 4] = ["NoSuchBucket", "ContainerNotFound", "NoSuchKey", "BlobNotFound"];
    const REFUSED: [&str; 12] = [
        "AccessDenied",
        "AccountProblem",
        "AuthenticationFailed",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidAuthenticationInfo",
        "InvalidToken",
        "NoAuthenticationInformation",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ];
    let code = said.split(' ').next().unwrap_or_default();
    let full = error.to_string();
    let status = |number: &str| full.contains(&format!("status code: {number}"));
    match error {
        // The last place credentials are looked for is the metadata service of the cloud's own machines.
        _ if full.contains("169.254.169.254") || full.contains("metadata.google.internal") => Meaning::NoCredentials,
        E::NotFound { .. } => Meaning::Missing,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => Meaning::Refused,
        E::Precondition { .. } | E::NotModified { .. } => Meaning::Changed,
        E::InvalidPath { .. } => Meaning::BadName,
        _ if MISSING.contains(&code) || status("404") => Meaning::Missing,
        _ if REFUSED.contains(&code) || status("401") || status("403") => Meaning::Refused,
        _ if full.contains("<Code>") || full.contains("status code: ") => Meaning::Answered,
        _ => Meaning::Silent,
    }
}

/// What the store said, in few words: the innermost cause, or the code and message of an XML answer.
fn summarize(error: &object_store::Error) -> String {
    let outer = error.to_string();
    if let Some(code) = between(&outer, "<Code>", "</Code>") {
        let message = between(&outer, "<Message>", "</Message>").unwrap_or_default();
        return clean(format!("{code} {message}").trim());
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    let inner = clean(&innermost.to_string());
    let outer = clean(&outer);
    if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// Removes query strings and user parts of URLs, and cuts long texts.
pub(super) fn clean(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
        let end = rest.find('?').unwrap_or(rest.len());
        let rest = rest.get(..end).unwrap_or_default();
        let authority_end = rest.find('/').unwrap_or(rest.len());
        let authority = rest.get(..authority_end).unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        format!("{scheme}://{host}{}", rest.get(authority_end..).unwrap_or_default())
    });
    let mut out = words.collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = out.char_indices().nth(500) {
        out.truncate(cut);
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_and_passwords_never_reach_a_message() {
        let text = "Error performing GET https://user:secret@acct.blob.example/c/a.csv?sv=1&sig=abc%3D in 3ms";
        let cleaned = clean(text);
        assert_eq!(cleaned, "Error performing GET https://acct.blob.example/c/a.csv in 3ms");
    }

    #[test]
    fn a_metadata_service_out_of_reach_means_that_no_credentials_were_found() {
        let said = "Error performing PUT http://169.254.169.254/latest/api/token - status code: 403 Forbidden";
        let error = object_store::Error::Generic { store: "S3", source: said.into() };
        let text = SourceError::from_store("s3://b/x", "listing", "AWS_ACCESS_KEY_ID", &error).to_string();
        assert!(text.contains("no credentials were found") && text.contains("set AWS_ACCESS_KEY_ID"), "{text}");
    }

    #[test]
    fn a_refusal_names_the_variables_to_check() {
        let body = "<?xml version=\"1.0\"?><Error><Code>InvalidAccessKeyId</Code><Message>No such key.</Message>\
                    <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>";
        let error = object_store::Error::PermissionDenied { path: "x".to_owned(), source: body.into() };
        let text = SourceError::from_store("s3://b/x", "reading", "AWS_ACCESS_KEY_ID", &error).to_string();
        assert!(text.contains("InvalidAccessKeyId No such key."), "{text}");
        assert!(text.contains("check AWS_ACCESS_KEY_ID"), "{text}");
        assert!(!text.contains("AKIASECRET"), "{text}");
    }
}
