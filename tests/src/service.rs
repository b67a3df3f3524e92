//! `costhost serve` as a child process, with its endpoints.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Costhost;

/// How long anything a service does may take in a test: machines that build at the same time are slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service that runs; killed when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    address: SocketAddr,
}

/// An answer of an endpoint.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub code: u16,
    /// The head, header lines included.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Service {
    /// Starts a service on a free port. `config` is the path of its configuration.
    pub fn start(costhost: &Costhost, config: &Path) -> Self {
        Self::start_with(costhost, config, &["--listen", "127.0.0.1:0"])
    }

    /// Starts a service on the address that its configuration names.
    pub fn start_where_configured(costhost: &Costhost, config: &Path) -> Self {
        Self::start_with(costhost, config, &[])
    }

    fn start_with(costhost: &Costhost, config: &Path, more: &[&str]) -> Self {
        let config = config.display().to_string();
        let args = [&["--log", "info", "serve", "--config", config.as_str()], more].concat();
        let log = std::fs::File::create(costhost.folder().join("serve.log")).expect("a log");
        let mut command = costhost.command(&args);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line of output");
        let address = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        let address = address.unwrap_or_else(|| {
            let log = std::fs::read_to_string(costhost.folder().join("serve.log")).unwrap_or_default();
            panic!("no address in `{line}`; {log}")
        });
        Self { child, address }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it answers on another address, and asks it there from now on.
    pub fn moves_to(&mut self, address: SocketAddr) {
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = self.child.try_wait().expect("to ask for the child");
            assert!(ended.is_none(), "the service ended: {ended:?}");
            assert!(started.elapsed() < PATIENCE, "nothing answers on {address}");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.address = address;
    }

    /// A request with further header lines.
    pub fn request(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", self.address)
            .expect("to ask");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
        Answer { code, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "")
    }

    /// The status.
    pub fn status(&self) -> Value {
        let answer = self.get("/status");
        assert_eq!(answer.code, 200, "{answer:?}");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// One source of the status.
    pub fn source(&self, name: &str) -> Value {
        let status = self.status();
        let sources = status.get("sources").and_then(Value::as_array).expect("sources");
        let named = |source: &&Value| source.get("name").and_then(Value::as_str) == Some(name);
        sources.iter().find(named).cloned().unwrap_or(Value::Null)
    }

    /// Asks for a run.
    pub fn run(&self, source: &str) -> Answer {
        self.request("POST", &format!("/run/{source}"), "")
    }

    /// A number of the metrics; labels are those that must be there, in any order. Several lines are added up.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.get("/metrics").body;
        let wanted: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let lines = text.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
                && wanted.iter().all(|label| line.contains(label))
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until something holds.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            let ended = self.child.try_wait().expect("to ask for the child");
            assert!(ended.is_none(), "the service ended ({ended:?}) before {what}");
            assert!(started.elapsed() < PATIENCE, "{what} did not come about: {:#}", self.status());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a source has had this many runs, and gives its status.
    pub fn after_runs(&mut self, source: &str, runs: u32) -> Value {
        self.until(&format!("{runs} runs of {source}"), |service| {
            service.metric("costhost_runs_total", &[("source", source)]) >= f64::from(runs)
        });
        self.source(source)
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("to run kill");
        assert!(sent.success(), "the service is gone already");
    }

    /// Waits for the end after [`Self::terminate`].
    pub fn ended(mut self) -> i32 {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("to ask for the child") {
                return status.code().unwrap_or(-1);
            }
            assert!(started.elapsed() < PATIENCE, "the service does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
