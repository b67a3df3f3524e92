//! The endpoints of a service: a few answers over plain HTTP/1.1.
//!
//! `GET /healthz` (alive), `/readyz` (able to work), `/metrics`, `/status`, and `POST /run/SOURCE`. Nothing here tells a
//! credential. A run can be asked for from this machine alone unless the configuration says otherwise, and never by a web page.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::service::Service;
use super::timetable::Triggered;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(10);
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// Answers requests for as long as it is polled.
pub async fn answer_requests(service: Arc<Service>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Such as no file handles left: others are given back soon.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(answer(&service, peer, &request).await) }
            });
            let mut connection = hyper::server::conn::http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEAD);
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), answer).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

async fn answer(service: &Service, peer: SocketAddr, request: &Request<Incoming>) -> Answer {
    let path = request.uri().path();
    if let Some(source) = path.strip_prefix("/run/") {
        return match *request.method() {
            Method::POST => run(service, peer, request, source),
            _ => not_allowed("POST"),
        };
    }
    let known = ["/healthz", "/readyz", "/metrics", "/status"].contains(&path);
    if known && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not_allowed("GET, HEAD");
    }
    match path {
        "/healthz" => text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => {
            let problems = service.not_ready().await;
            if problems.is_empty() {
                text(StatusCode::OK, TEXT, "ready\n".to_owned())
            } else {
                text(StatusCode::SERVICE_UNAVAILABLE, TEXT, problems.join("\n") + "\n")
            }
        }
        "/metrics" => text(StatusCode::OK, OPEN_METRICS, service.metrics.text(&service.rack)),
        "/status" => json(StatusCode::OK, &json!(service.status())),
        _ => text(
            StatusCode::NOT_FOUND,
            TEXT,
            "there are /healthz, /readyz, /metrics, /status, and POST /run/SOURCE\n".to_owned(),
        ),
    }
}

fn run(service: &Service, peer: SocketAddr, request: &Request<Incoming>, source: &str) -> Answer {
    let refused = |why: &str| json(StatusCode::FORBIDDEN, &json!({ "error": why }));
    // Browsers say where a page came from; no page has business here.
    if request.headers().contains_key(ORIGIN) || request.headers().contains_key("sec-fetch-site") {
        return refused("web pages may not ask for runs");
    }
    if !service.setup().service.remote_trigger && !peer.ip().to_canonical().is_loopback() {
        return refused("only this machine may ask for runs, unless [serve] says `remote_trigger = true`");
    }
    if service.is_stopping() {
        return json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "the service is stopping" }));
    }
    // Names hold no character that a URL would have to encode.
    match service.trigger(source) {
        Some(Triggered::Now) => json(StatusCode::ACCEPTED, &json!({ "source": source, "run": "now" })),
        Some(Triggered::Again) => {
            json(StatusCode::ACCEPTED, &json!({ "source": source, "run": "after the one that is on" }))
        }
        None => json(StatusCode::NOT_FOUND, &json!({ "error": format!("no source is called `{source}`") })),
    }
}

fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("{allowed} only\n"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    text(status, JSON, format!("{value:#}\n"))
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
