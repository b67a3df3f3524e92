//! Runs the costhost program as a user would, on a lake in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program, a lake, and a folder for input; all gone when dropped.
#[derive(Debug)]
pub struct Costhost {
    program: PathBuf,
    folder: TempDir,
    lake: String,
    environment: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Costhost {
    /// `program` is `env!("CARGO_BIN_EXE_costhost-under-test")` of the test.
    pub fn new(program: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lake = folder.path().join("lake").display().to_string();
        let this = Self { program: PathBuf::from(program), folder, lake, environment: Vec::new() };
        this.warm();
        this
    }

    /// The same with a lake elsewhere, such as `s3://..`, and variables for its store.
    pub fn with_lake(program: &str, lake: &str, environment: &[(&str, &str)]) -> Self {
        let mut this = Self::new(program);
        lake.clone_into(&mut this.lake);
        this.environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        this
    }

    /// Sets a variable of every later command.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Compiles the plugin into the cache once, so that parallel tests do not all do it.
    fn warm(&self) {
        static WARM: OnceLock<()> = OnceLock::new();
        WARM.get_or_init(|| {
            let ended = ended(&mut self.command(&["plugin", "show", &plugin("aws-cur")]));
            assert_eq!(ended.code, 0, "the plugin cannot be loaded: {}", ended.err);
        });
    }

    /// A folder for input and output of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the lake lies.
    pub fn lake(&self) -> &str {
        &self.lake
    }

    /// A command that has not been started. Nothing of the user's environment reaches it but the path.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", home()).env("COSTHOST_LAKE", &self.lake);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn call(&self, args: &[&str]) -> Ended {
        ended(&mut self.command(args))
    }

    /// `costhost run` with the AWS plugin.
    pub fn run(&self, args: &[&str]) -> Ended {
        let plugin = plugin("aws-cur");
        let mut all = vec!["run", "--plugin", plugin.as_str()];
        all.extend_from_slice(args);
        self.call(&all)
    }

    /// The same, asserting success, with its receipt.
    pub fn receipt(&self, args: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend_from_slice(args);
        let ended = self.run(&all);
        assert_eq!(ended.code, 0, "run {args:?} failed: {}\n{}", ended.err, ended.out);
        serde_json::from_str(&ended.out).expect("a receipt")
    }

    /// The rows of a query, asserting success.
    pub fn sql(&self, sql: &str) -> Vec<Value> {
        let ended = self.call(&["sql", sql, "--output", "json"]);
        assert_eq!(ended.code, 0, "`{sql}` failed: {}", ended.err);
        match serde_json::from_str(&ended.out).expect("JSON") {
            Value::Array(rows) => rows,
            other => panic!("not an array: {other}"),
        }
    }
}

/// Runs a command and gathers what it says.
pub fn ended(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the program can be started");
    Ended {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A home of the tests' own: the compile cache outlives a test, not the build folder.
fn home() -> PathBuf {
    plugins().join("test-home")
}

fn plugins() -> PathBuf {
    let folder =
        std::env::var_os("COSTHOST_TEST_PLUGINS").expect("COSTHOST_TEST_PLUGINS: run the tests with `just test`");
    PathBuf::from(folder)
}

/// The built component of a plugin.
pub fn plugin(name: &str) -> String {
    let file = plugins().join(format!("{name}.wasm"));
    assert!(file.is_file(), "{} is missing: run the tests with `just test`", file.display());
    file.display().to_string()
}

/// A path in the data that others made.
pub fn shared(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    assert!(file.exists(), "{} is missing: the tests read ../shared/data beside the checkout", file.display());
    file.canonicalize().expect("a path").display().to_string()
}

/// What `tests/expected/compute.py` computed.
pub fn expected(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("expected").join(name);
    std::fs::read_to_string(&file).expect("an expectation")
}

/// A Python with other people's Delta readers.
pub fn python() -> Command {
    let python =
        std::env::var_os("COSTHOST_TEST_PYTHON").expect("COSTHOST_TEST_PYTHON: run the tests with `just test`");
    Command::new(python)
}
