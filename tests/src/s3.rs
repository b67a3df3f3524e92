//! An S3 server on a loopback port, over a folder, with faults to order.
//!
//! Requests are signed and checked as on any S3; conditional puts are atomic, as the real service promises.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The access key the server knows.
pub const ACCESS_KEY: &str = "test-access-key";
/// Its secret.
pub const SECRET_KEY: &str = "test-secret-key";

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out, but answered with status 500.
    LoseReply,
    /// It is not carried out, and answered with this status.
    Refuse(u16),
    /// The answer's body breaks off after so many bytes, and the connection with it.
    Truncate(usize),
    /// It is carried out after this time.
    Delay(Duration),
}

/// A request the server has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Such as `GET`.
    pub method: String,
    /// Bucket and key, with the query.
    pub target: String,
}

#[derive(Debug)]
struct Order {
    method: String,
    part: String,
    fault: Fault,
    times: usize,
}

#[derive(Debug, Default)]
struct State {
    orders: Mutex<VecDeque<Order>>,
    seen: Mutex<Vec<Seen>>,
    /// Held over a conditional put: the server below checks and writes in two steps.
    conditional: tokio::sync::Mutex<()>,
}

/// A running server; it ends when this is dropped, and its objects with it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    root: tempfile::TempDir,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl S3Server {
    /// Starts a server without buckets, on a thread of its own, so that blocking tests can use it too.
    ///
    /// # Errors
    /// No folder, thread or port can be had.
    pub fn start() -> Result<Self, BoxError> {
        let root = tempfile::tempdir()?;
        let state = Arc::<State>::default();
        let service = service(root.path())?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("s3-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, service, shared) => {}
                }
            });
        })?;
        Ok(Self { address, root, state, stop: Some(stop), thread: Some(thread) })
    }

    /// Makes an empty bucket.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create_bucket(&self, bucket: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(self.root.path().join(bucket))
    }

    /// Where an object lies on disk, for tests that write or replace objects behind the server's back.
    pub fn object(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.path().join(bucket).join(key)
    }

    /// Writes an object, and the bucket if need be.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) -> std::io::Result<()> {
        let path = self.object(bucket, key);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, content)
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment variables by which a client reaches it; with lower case names they are store settings.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Orders a fault for the next `times` requests of this method whose target contains `part`.
    pub fn inject(&self, method: &str, part: &str, fault: Fault, times: usize) {
        let order = Order { method: method.to_owned(), part: part.to_owned(), fault, times };
        self.state.orders.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
    }

    /// Faults ordered and not yet used up.
    pub fn pending_faults(&self) -> usize {
        self.state.orders.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|o| o.times).sum()
    }

    /// The requests since the last call, in order of arrival.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn service(root: &std::path::Path) -> Result<S3Service, BoxError> {
    let files = s3s_fs::FileSystem::new(root).map_err(|e| format!("no file system for the server: {e:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(s3s::auth::SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    Ok(builder.build())
}

async fn serve(listener: std::net::TcpListener, service: S3Service, state: Arc<State>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((socket, _)) = listener.accept().await {
        let (service, state) = (service.clone(), Arc::clone(&state));
        let handle = hyper::service::service_fn(move |request| answer(request, service.clone(), Arc::clone(&state)));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), handle));
    }
}

async fn answer(request: Request<Incoming>, service: S3Service, state: Arc<State>) -> Result<Response<Body>, BoxError> {
    let fault = state.take(&request);
    match fault {
        Some(Fault::Refuse(status)) => return refusal(status),
        Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    let conditional = request.headers().contains_key("if-none-match") || request.headers().contains_key("if-match");
    let _turn = if conditional { Some(state.conditional.lock().await) } else { None };
    let answer = service.call(request.map(s3s::Body::from)).await.map_err(|e| format!("{e:?}"))?;
    match fault {
        Some(Fault::LoseReply) => {
            // The body is taken first: only then has everything happened that the request asks for.
            answer.into_body().collect().await?;
            refusal(500)
        }
        Some(Fault::Truncate(keep)) => truncated(answer, keep).await,
        _ => Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync())),
    }
}

impl State {
    /// Notes the request and takes the first fault ordered for it.
    fn take(&self, request: &Request<Incoming>) -> Option<Fault> {
        let (method, target) = (request.method().to_string(), request.uri().to_string());
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let found = orders.iter().position(|o| o.times > 0 && o.method == method && target.contains(&o.part));
        let fault = found.and_then(|index| orders.get_mut(index)).map(|order| {
            order.times -= 1;
            order.fault
        });
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { method, target });
        fault
    }
}

fn refusal(status: u16) -> Result<Response<Body>, BoxError> {
    let code = match status {
        403 => "AccessDenied",
        404 => "NoSuchKey",
        503 => "SlowDown",
        _ => "InternalError",
    };
    let text =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Ordered by a test.</Message></Error>");
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    Ok(Response::builder().status(StatusCode::from_u16(status)?).body(body)?)
}

/// The answer with its headers and the first `keep` bytes of its body; then the connection is broken.
async fn truncated(answer: Response<s3s::Body>, keep: usize) -> Result<Response<Body>, BoxError> {
    let (head, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    let kept = whole.slice(..keep.min(whole.len()));
    let broken: BoxError = "broken off as ordered".into();
    let frames = futures::stream::iter([Ok(Frame::data(kept)), Err(broken)]);
    Ok(Response::from_parts(head, StreamBody::new(frames).boxed_unsync()))
}
