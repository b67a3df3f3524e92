//! An Azure Blob Storage server of the test's own: Azurite, with an account and a key that nobody else knows.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The account's name.
const ACCOUNT: &str = "costhost";
/// What the server says before its address.
const LISTENING: &str = "listens on ";

/// A running server; it ends when this is dropped, and its blobs with it.
#[derive(Debug)]
pub struct Azurite {
    server: Child,
    endpoint: String,
    key: String,
    _folder: TempDir,
}

impl Azurite {
    /// Starts a server without containers. Panics with the reason when that is not possible.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = key();
        let mut server = Command::new("node")
            .arg(modules().join("azurite/dist/src/blob/main.js"))
            .args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry", "--skipApiVersionCheck"])
            .arg("--location")
            .arg(folder.path())
            .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{key}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node, which `bin/setup` installs");
        let mut lines = BufReader::new(server.stdout.take().expect("its output")).lines();
        let address = lines.find_map(|line| line.ok()?.split_once(LISTENING).map(|(_, address)| address.to_owned()));
        let endpoint = format!("{}/{ACCOUNT}", address.expect("Azurite says where it listens").trim());
        // Whoever stops listening lets the server's pipe fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { server, endpoint, key, _folder: folder }
    }

    /// Makes a container and puts the files below a folder into it.
    pub fn upload(&self, container: &str, folder: Option<&Path>) {
        let folder = folder.map(|folder| folder.display().to_string());
        self.client("upload", container, folder.as_deref());
    }

    /// A signature with which a container can be read and listed.
    pub fn signature(&self, container: &str) -> String {
        self.client("sas", container, None).trim().to_owned()
    }

    /// Variables that give the program the account and its key.
    pub fn with_key(&self) -> Vec<(String, String)> {
        self.environment("AZURE_STORAGE_ACCOUNT_KEY", &self.key)
    }

    /// Variables that give it the account and a signature, or another wrong or right credential.
    pub fn environment(&self, name: &str, credential: &str) -> Vec<(String, String)> {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let server = self.endpoint.trim_end_matches(ACCOUNT);
        vec![
            variable("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            // It lists from the beginning whatever it is asked for, which the client must know.
            variable("AZURE_STORAGE_USE_EMULATOR", "true"),
            variable("AZURITE_BLOB_STORAGE_URL", server),
            variable(name, credential),
        ]
    }

    fn client(&self, what: &str, container: &str, folder: Option<&str>) -> String {
        let connection = format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={};BlobEndpoint={};",
            self.key, self.endpoint
        );
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("azurite/blobs.cjs");
        let output = Command::new("node")
            .arg(script)
            .args([what, &connection, container])
            .args(folder)
            .env("NODE_PATH", modules())
            .output()
            .expect("node, which `bin/setup` installs");
        assert!(output.status.success(), "{what} {container}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ended_already = self.server.kill();
        let _nothing_to_tell = self.server.wait();
    }
}

/// Where `bin/setup` has installed Azurite.
fn modules() -> PathBuf {
    let folder = std::env::var_os("COSTHOST_TEST_AZURITE");
    let folder = folder.expect("COSTHOST_TEST_AZURITE names the folder with Azurite: run the tests by `just test`");
    PathBuf::from(folder).join("node_modules")
}

/// A key as accounts have them: 64 bytes in base64. They need not be hard to guess, only their own.
fn key() -> String {
    let letters = uuid::Uuid::new_v4().simple().to_string().repeat(3);
    // The last letter of 64 bytes has bits to spare, which are zero.
    format!("{}A==", letters.get(..85).unwrap_or_default())
}
