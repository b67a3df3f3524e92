//! HTTP as plugins are fetched with: over TLS, with limits on time and size.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::error::RegistryError;

const CONNECT: Duration = Duration::from_secs(10);
/// Without a byte for so long, a server is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);
/// For a whole answer. The largest component at 250 kB a second.
const WHOLE: Duration = Duration::from_secs(600);
const REDIRECTS: usize = 5;

/// A client. Unless `plain`, nothing but `https` is spoken, also after a redirect.
pub(super) fn client(plain: bool) -> Result<Client, RegistryError> {
    Client::builder()
        .https_only(!plain)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(WHOLE)
        .redirect(Policy::limited(REDIRECTS))
        .user_agent(concat!("costhost/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| RegistryError::Remote { place: "HTTP client".to_owned(), problem: told(&error) })
}

/// The body of an answer that may not be longer than `most` bytes. Stops reading as soon as it is.
pub(super) async fn bounded(response: Response, most: u64) -> Result<Vec<u8>, String> {
    let too_long = || format!("more than the {most} bytes that were expected came");
    if response.content_length().is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| told(&error))?;
        if (bytes.len() + piece.len()) as u64 > most {
            return Err(too_long());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// What went wrong, without the address: it may hold a password, and the message names the place already.
pub(super) fn told(error: &reqwest::Error) -> String {
    let mut text = match error {
        error if error.is_timeout() => "no answer in time".to_owned(),
        error if error.is_connect() => "it cannot be reached".to_owned(),
        error if error.is_redirect() => "it redirects to a place that is not followed".to_owned(),
        _ => "the exchange failed".to_owned(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
