//! A server that has no luck at first: the first connections get an answer of the test's choice, all later ones are passed on
//! to a real server.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// An answer that is none: the connection ends without one.
pub const HANG_UP: &str = "";
/// A body that breaks off.
pub const CUT_SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\nnot all of it";

/// An answer of this status without a body, with these header lines, each ended by `\r\n`.
pub fn answer(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

/// A running server. Its threads end with the test's process.
#[derive(Debug)]
pub struct Flaky {
    host: String,
    asked: Arc<AtomicUsize>,
}

impl Flaky {
    /// Stands before the server at `upstream` (`host:port`) and gives these answers first.
    pub fn before(upstream: &str, answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("its address").to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, upstream) = (Arc::clone(&asked), upstream.to_owned());
        let answers = Mutex::new(VecDeque::from(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                match answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                    Some(answer) => answer_once(stream, &answer),
                    None => pass_on(stream, &upstream),
                }
            }
        });
        Self { host, asked }
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Connections so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer_once(mut stream: TcpStream, answer: &str) {
    let lines = BufReader::new(stream.try_clone().expect("a socket")).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    // A client that is gone needs no answer.
    _ = stream.write_all(answer.as_bytes());
    _ = stream.shutdown(Shutdown::Both);
}

fn pass_on(client: TcpStream, upstream: &str) {
    let server = TcpStream::connect(upstream).expect("the real server");
    for (mut from, mut to) in
        [(client.try_clone().expect("a socket"), server.try_clone().expect("a socket")), (server, client)]
    {
        std::thread::spawn(move || {
            _ = std::io::copy(&mut from, &mut to);
            _ = to.shutdown(Shutdown::Write);
        });
    }
}
