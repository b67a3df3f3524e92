//! Requests to one repository: signed in as needed, bounded, tried again, and in errors that name the place.

use std::sync::OnceLock;

use reqwest::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use super::auth::{Challenge, Credentials, Token, credentials};
use super::reference::OciReference;
use crate::registry::attempts::Attempts;
use crate::registry::error::RegistryError;
use crate::registry::http::{self, bounded};

/// Tokens are a few kilobytes.
const MAX_TOKEN_BYTES: u64 = 1 << 20;

/// A repository of a registry.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    place: String,
    /// Whether tokens may be asked for without TLS, as the registry itself is.
    plain: bool,
    registry: String,
    /// What the user has for it; asked for when the registry wants a login.
    credentials: OnceLock<Option<Credentials>>,
    /// The header that the registry accepted.
    authorization: Option<String>,
}

impl Client {
    /// Nothing is sent yet.
    pub(super) fn new(reference: &OciReference, plain_http: bool) -> Result<Self, RegistryError> {
        let plain = plain_http || reference.is_local();
        let scheme = if plain { "http" } else { "https" };
        let base = format!("{scheme}://{}/v2/{}/", reference.registry, reference.repository);
        let base = Url::parse(&base).map_err(|error| RegistryError::Usage(format!("{reference}: {error}")))?;
        Ok(Self {
            http: http::client(plain)?,
            base,
            place: reference.to_string(),
            plain,
            registry: reference.registry.clone(),
            credentials: OnceLock::new(),
            authorization: None,
        })
    }

    /// The address of something below the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(path).map_err(|error| self.error(error.to_string()))
    }

    /// Where an answer's `Location` leads, from where it was given.
    pub(super) fn location(&self, response: &Response) -> Result<Url, RegistryError> {
        let header = response.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
        let header = header.ok_or_else(|| self.error("the registry does not say where to upload to".to_owned()))?;
        let url = response.url().join(header).map_err(|error| self.error(error.to_string()))?;
        // Uploads carry our credentials.
        if url.host_str() == self.base.host_str() && (url.scheme() == "https" || self.plain) {
            return Ok(url);
        }
        Err(self.error(format!(
            "the registry sends uploads to {}, which is not followed",
            url.host_str().unwrap_or_default()
        )))
    }

    /// Sends a request, signing in when the registry asks for it, and again when it has trouble.
    pub(super) async fn send(
        &mut self,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, RegistryError> {
        self.attempt(&mut Attempts::new(), method, url, with).await
    }

    async fn attempt(
        &mut self,
        attempts: &mut Attempts,
        method: Method,
        url: &Url,
        with: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, RegistryError> {
        for last in [false, true] {
            let request = || {
                let request = with(self.http.request(method.clone(), url.clone()));
                match &self.authorization {
                    Some(header) => request.header(AUTHORIZATION, header),
                    None => request,
                }
            };
            let response = http::send(attempts, request).await.map_err(|problem| self.error(problem))?;
            if response.status() != StatusCode::UNAUTHORIZED || last {
                return Ok(response);
            }
            let challenge = response.headers().get_all(WWW_AUTHENTICATE).iter();
            let challenge = challenge.filter_map(|value| Challenge::parse(value.to_str().ok()?)).next();
            self.authorization = Some(self.sign_in(challenge).await?);
        }
        Err(self.error("the registry asks to sign in again and again".to_owned()))
    }

    async fn sign_in(&self, challenge: Option<Challenge>) -> Result<String, RegistryError> {
        let login = || {
            self.login().ok_or_else(|| self.error("the registry wants a login: `docker login`, or COSTHOST_REGISTRY_USER and COSTHOST_REGISTRY_PASSWORD".to_owned()))
        };
        match challenge {
            None => Err(self.error("the registry wants a login of a kind that is not known here".to_owned())),
            Some(Challenge::Basic) => {
                use base64::Engine as _;
                let Credentials { user, password } = login()?;
                let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                Ok(format!("Basic {both}"))
            }
            Some(Challenge::Bearer { realm, service, scope }) => {
                self.token(&realm, service.as_deref(), scope.as_deref()).await.map(|token| format!("Bearer {token}"))
            }
        }
    }

    fn login(&self) -> Option<&Credentials> {
        self.credentials.get_or_init(|| credentials(&self.registry)).as_ref()
    }

    async fn token(&self, realm: &str, service: Option<&str>, scope: Option<&str>) -> Result<String, RegistryError> {
        let mut url = Url::parse(realm).map_err(|error| self.error(format!("its token server {realm}: {error}")))?;
        if url.scheme() != "https" && !self.plain {
            return Err(self.error(format!("its token server {realm} is not asked: it has no TLS")));
        }
        let parameters = [("service", service), ("scope", scope)];
        url.query_pairs_mut().extend_pairs(parameters.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        let request = || {
            let request = self.http.get(url.clone());
            match self.login() {
                Some(Credentials { user, password }) => request.basic_auth(user, Some(password)),
                None => request,
            }
        };
        let response = http::send(&mut Attempts::new(), request).await;
        let response = response.map_err(|problem| self.error(format!("its token server: {problem}")))?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(
                self.error(format!("its token server answers {status}: is the login right, and may it do this?"))
            );
        }
        let bytes = bounded(response, MAX_TOKEN_BYTES).await.map_err(|error| self.error(error.to_string()))?;
        let token = serde_json::from_slice::<Token>(&bytes).ok().and_then(Token::text);
        token.ok_or_else(|| self.error("its token server answers without a token".to_owned()))
    }

    /// Fetches something that may not be longer than `most`; `None` when it is not there.
    pub(super) async fn get(
        &mut self,
        path: &str,
        accept: &'static str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let url = self.url(path)?;
        let mut attempts = Attempts::new();
        loop {
            let with = |request: RequestBuilder| request.header(ACCEPT, accept);
            let response = self.attempt(&mut attempts, Method::GET, &url, with).await?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            let response = self.succeeded(response).await?;
            let read = http::whole(&mut attempts, response, most).await;
            if let Some(bytes) = read.map_err(|problem| self.error(problem))? {
                return Ok(Some(bytes));
            }
        }
    }

    /// The answer, or an error with what the registry says.
    pub(super) async fn succeeded(&self, response: Response) -> Result<Response, RegistryError> {
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.error(http::refusal(response).await))
    }

    pub(super) fn error(&self, problem: String) -> RegistryError {
        RegistryError::Remote { place: self.place.clone(), problem }
    }
}
