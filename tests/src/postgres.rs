//! A PostgreSQL server of the tests' own: made in a temporary folder, reached through a socket there, gone afterwards.
//!
//! The server's standard input is a pipe from this process, and it is stopped when that closes: also when the process dies.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The owner of the tests' databases; no superuser.
pub const OWNER: &str = "costhost";
/// How long the server may take to start, other tests running beside it.
const START: Duration = Duration::from_secs(60);
/// Where Debian and others put the programs, newest first.
const PLACES: &[&str] = &[
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/pgsql-15/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/bin",
    "/usr/bin",
];

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: TempDir,
    account: Option<Account>,
    server: Mutex<Option<Child>>,
    databases: AtomicU32,
}

/// Who the server runs as: PostgreSQL refuses root.
#[derive(Debug, Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Cluster {
    /// Makes and starts a server. Panics with the reason when that is not possible.
    pub fn start() -> Self {
        let found = PLACES.iter().map(PathBuf::from).find(|place| place.join("initdb").exists());
        let programs = found.expect("PostgreSQL is needed: bin/setup installs it");
        let folder = tempfile::Builder::new().prefix("pg").tempdir().expect("a temporary folder");
        let account = account();
        if let Some(Account { user, group }) = account {
            chown(folder.path(), Some(user), Some(group)).expect("root may give folders away");
        }
        let cluster = Self { programs, folder, account, server: Mutex::default(), databases: AtomicU32::new(0) };
        let arguments =
            ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D"];
        run(cluster.as_account(&cluster.programs.join("initdb")).args(arguments).arg(cluster.data()));
        std::fs::write(cluster.data().join("pg_hba.conf"), "local all guarded scram-sha-256\nlocal all all trust\n")
            .expect("the server's folder is writable");
        cluster.launch();
        cluster.sql("postgres", &format!("CREATE ROLE {OWNER} LOGIN; CREATE ROLE guarded LOGIN PASSWORD 'right'"));
        cluster
    }

    /// The server of this process: started for the first test that asks, stopped after the last that holds it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    /// Makes an empty database, owned by [`OWNER`], and returns its name.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {OWNER}"));
        name
    }

    /// The address of a database for [`OWNER`].
    pub fn url(&self, database: &str) -> String {
        self.url_as(OWNER, database)
    }

    /// The address of a database for another user, with a password after a colon if it needs one.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.folder.path().display())
    }

    /// What statements print, as superuser: a line per row, columns separated by `|`. Panics when one fails.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = run(self.psql(database).args(["-c", statements]));
        output.trim_end().to_owned()
    }

    /// `psql` on a database, as superuser; it prints bare rows and stops at errors.
    pub fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-h"]).arg(self.folder.path());
        psql
    }

    /// Ends the server as a crash would: nothing is written or said.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        let pid = pid.lines().next().expect("a process id").to_owned();
        run(Command::new("kill").args(["-9", &pid]));
        self.stop();
    }

    /// Starts the server again after [`Self::kill`].
    pub fn launch(&self) {
        let deadline = Instant::now() + START;
        // After a crash the remains of the old server may have to end first.
        while !self.try_launch(deadline) {
            assert!(Instant::now() < deadline, "PostgreSQL does not start; its words:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn try_launch(&self, deadline: Instant) -> bool {
        const SCRIPT: &str = r#""$@" </dev/null & pid=$!; read -r end; kill -QUIT $pid 2>/dev/null; wait $pid"#;
        let mut server = self.as_account(Path::new("sh"));
        server.args(["-c", SCRIPT, "sh"]).arg(self.programs.join("postgres")).arg("-D").arg(self.data());
        let socket = format!("unix_socket_directories={}", self.folder.path().display());
        for setting in [
            "listen_addresses=",
            &socket,
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=60",
            "max_wal_size=4GB",
        ] {
            server.args(["-c", setting]);
        }
        let words = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("server.log"));
        let words = words.expect("the server's folder is writable");
        server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(words);
        let mut child = server.spawn().expect("sh can be run");
        let pid = self.data().join("postmaster.pid");
        while Instant::now() < deadline {
            let answers = self.psql("postgres").args(["-c", "SELECT 1"]).stderr(Stdio::null()).output();
            if answers.is_ok_and(|output| output.status.success()) {
                *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
            if !pid.exists() && self.words().trim_end().ends_with("shut down") {
                break;
            }
        }
        drop(child.stdin.take());
        child.wait().expect("the server can be waited for");
        false
    }

    fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server {
            drop(server.stdin.take());
            server.wait().expect("the server can be waited for");
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn words(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    fn as_account(&self, program: &Path) -> Command {
        let Some(Account { user, group }) = self.account else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups").arg(program);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whom to run the server as; nobody else when this is not root.
fn account() -> Option<Account> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().expect("id can be run");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| Some(Account { user: id(&["-u", name])?, group: id(&["-g", name])? }))
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
