//! An OCI registry of the test's own: Debian's `docker-registry`, on a port of its own over a temporary folder.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Who may sign in to a registry that asks for it.
pub const USER: &str = "jo";
/// The password.
pub const PASSWORD: &str = "sesame";
/// [`PASSWORD`] as `htpasswd -B` writes it.
const HASHED: &str = "$2b$05$abcdefghijklmnopqrstuuKcS.CYWVYVaLiiCKrrc0A5s3mGesJ9O";
/// What the server says before its address.
const LISTENING: &str = "listening on ";

/// A running registry; it ends when this is dropped, and its artifacts with it.
#[derive(Debug)]
pub struct OciRegistry {
    server: Child,
    host: String,
    folder: TempDir,
}

impl OciRegistry {
    /// A registry that anyone may read and write.
    pub fn start() -> Self {
        Self::with(|_| String::new())
    }

    /// One that wants a login for everything.
    pub fn with_login() -> Self {
        Self::with(|folder| {
            let file = folder.join("htpasswd");
            std::fs::write(&file, format!("{USER}:{HASHED}\n")).expect("the file of logins");
            format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display())
        })
    }

    /// Starts a registry with more configuration. Panics with the reason when that is not possible.
    pub fn with(more: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("config.yml");
        let storage = folder.path().join("storage");
        let text = format!(
            "version: 0.1\nlog: {{level: info, formatter: text}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:0\", secret: test}}\n{}",
            storage.display(),
            more(folder.path())
        );
        std::fs::write(&config, text).expect("its configuration");
        let mut server = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry, which `bin/setup` installs");
        let mut lines = BufReader::new(server.stderr.take().expect("its log")).lines();
        let mut said = Vec::new();
        let host = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let host =
                line.split_once(LISTENING).and_then(|(_, rest)| rest.split(['"', ' ']).next()).map(str::to_owned);
            said.push(line);
            host
        });
        let host = host.unwrap_or_else(|| panic!("the registry does not say where it listens: {said:#?}"));
        // Whoever stops listening lets the server's pipe fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { server, host, folder }
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where its blobs lie, to change what it serves.
    pub fn blob(&self, digest: &str) -> std::path::PathBuf {
        let head = digest.get(..2).expect("a digest");
        self.folder.path().join("storage/docker/registry/v2/blobs/sha256").join(head).join(digest).join("data")
    }
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
