//! Where a service answers: one address at a time, which may change while it runs.
//!
//! The new address is bound before the old one is given up, so a service is never without endpoints because of one that
//! cannot be had. Requests that are being answered are finished.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::http::answer_requests;
use super::service::Service;

/// The endpoints of a service.
#[derive(Debug, Default)]
pub struct Endpoints {
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    /// As the system knows it, with the port it chose where none was asked for.
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Endpoints {
    /// Where it answers, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.open().as_ref().map(|open| open.address)
    }

    /// Answers no further request.
    pub fn close(&self) {
        if let Some(open) = self.open().take() {
            open.task.abort();
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Answers on this address from now on, and no longer on the one before. Gives the address that was bound.
    ///
    /// # Errors
    /// When it cannot be bound; everything stays as it was.
    pub async fn listen(self: &Arc<Self>, wanted: SocketAddr) -> Result<SocketAddr, String> {
        let told = |error: std::io::Error| format!("cannot listen on {wanted}: {error}");
        let listener = match TcpListener::bind(wanted).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && self.holds_port_of(wanted) => {
                self.exchange(wanted).await.map_err(told)?
            }
            bound => bound.map_err(told)?,
        };
        let address = listener.local_addr().map_err(told)?;
        self.answer_on(listener, address);
        Ok(address)
    }

    fn answer_on(self: &Arc<Self>, listener: TcpListener, address: SocketAddr) {
        let task = tokio::spawn(answer_requests(Arc::clone(self), listener));
        if let Some(before) = self.endpoints.open().replace(Open { address, task }) {
            before.task.abort();
        }
    }

    /// Whether it is this service itself that stands in the way, such as on `127.0.0.1:9464` of `0.0.0.0:9464`.
    fn holds_port_of(&self, wanted: SocketAddr) -> bool {
        self.endpoints.address().is_some_and(|held| held.port() == wanted.port())
    }

    /// The one case in which the old address has to be given up first. It is taken again if the new one cannot be had.
    async fn exchange(self: &Arc<Self>, wanted: SocketAddr) -> std::io::Result<TcpListener> {
        let before = self.endpoints.open().take();
        let Some(Open { address, task }) = before else { return TcpListener::bind(wanted).await };
        task.abort();
        // Its end gives the socket back.
        _ = task.await;
        let bound = TcpListener::bind(wanted).await;
        if bound.is_err() {
            match TcpListener::bind(address).await {
                Ok(listener) => self.answer_on(listener, address),
                Err(error) => tracing::error!(%address, %error, "the address that was in use cannot be had again"),
            }
        }
        bound
    }
}
