//! HTTP as plugins are fetched with: over TLS, with limits on time and size, and again where a server had no luck.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use super::attempts::{Attempts, asked_wait, passes};
use super::error::RegistryError;

const CONNECT: Duration = Duration::from_secs(10);
/// Without a byte for so long, a server is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);
/// For a whole answer. The largest component at 250 kB a second.
const WHOLE: Duration = Duration::from_secs(600);
const REDIRECTS: usize = 5;
/// Of an answer that is an error.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;

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

/// Sends a request, and again while the server cannot be reached, is busy, or has trouble of its own. An answer that says
/// anything else is the caller's.
///
/// # Errors
/// When no attempt is left.
pub(super) async fn send(
    attempts: &mut Attempts,
    request: impl Fn() -> RequestBuilder + Send,
) -> Result<Response, String> {
    loop {
        let (problem, asked) = match request().send().await {
            Ok(response) if passes(response.status()) => {
                let asked = asked_wait(response.headers(), chrono::Utc::now());
                (refusal(response).await, asked)
            }
            Ok(response) => return Ok(response),
            Err(error) if error.is_connect() || error.is_timeout() || error.is_request() => (told(&error), None),
            Err(error) => return Err(told(&error)),
        };
        attempts.failed(problem, asked).await?;
    }
}

/// What an answer that is none says: its status, and what a registry adds to it.
pub(super) async fn refusal(response: Response) -> String {
    let status = response.status();
    let said = bounded(response, MAX_REFUSAL_BYTES).await.unwrap_or_default();
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
    let message = said.pointer("/errors/0/message").and_then(serde_json::Value::as_str).unwrap_or_default();
    let message: String = message.chars().filter(|c| !c.is_control()).take(200).collect();
    let separator = if message.is_empty() { "" } else { ": " };
    format!("the server answers {status}{separator}{message}")
}

/// Why a body could not be had.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It is longer than it may be.
    TooLong(u64),
    /// The connection broke off.
    Broken(String),
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(most) => write!(f, "more than the {most} bytes that were expected came"),
            Self::Broken(problem) => f.write_str(problem),
        }
    }
}

/// The body of an answer that may not be longer than `most` bytes. Stops reading as soon as it is.
pub(super) async fn bounded(response: Response, most: u64) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > most) {
        return Err(BodyError::TooLong(most));
    }
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| BodyError::Broken(told(&error)))?;
        if (bytes.len() + piece.len()) as u64 > most {
            return Err(BodyError::TooLong(most));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The same, where the request can be made again after a connection that broke off: then `None`, once it is time for it.
///
/// # Errors
/// When it is too long, or no attempt is left.
pub(super) async fn whole(attempts: &mut Attempts, response: Response, most: u64) -> Result<Option<Vec<u8>>, String> {
    match bounded(response, most).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(BodyError::Broken(problem)) => attempts.failed(problem, None).await.map(|()| None),
        Err(error) => Err(error.to_string()),
    }
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
