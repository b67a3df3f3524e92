//! Runs the program on a guest as an operator would, beside an honest source, and compares what it says with the stored text.

use std::path::Path;
use std::process::Command;

use costhost_tests::bucket;
use costhost_tests::program::{Costhost, Ended, ended};
use serde_json::Value;

use crate::guest::{Guest, folder};
use crate::values;

/// What lies outside of every source.
const SECRET: &str = "what no plugin may know";
/// What a test lays out beside the lake, in order.
const LAID_OUT: [&str; 6] = ["costhost.toml", "honest", "honest.wasm", "hostile", "hostile.wasm", "secret"];

/// A hostile plugin, its input, and how the program is called.
pub(crate) struct Case {
    /// Name of the text in `tests/hostile/expected`.
    pub(crate) name: String,
    component: Vec<u8>,
    input: Vec<u8>,
    flags: Vec<String>,
    /// Bytes of data the process may hold.
    held: Option<u64>,
}

impl Case {
    /// A guest on an honest input.
    pub(crate) fn new(name: &str, guest: &Guest) -> Self {
        Self::of_bytes(name, guest.component())
    }

    /// Something that is offered as a plugin.
    pub(crate) fn of_bytes(name: &str, component: Vec<u8>) -> Self {
        Self { name: name.to_owned(), component, input: values::honest(), flags: Vec::new(), held: None }
    }

    /// The same with another input.
    pub(crate) fn reading(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// The same with these flags.
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    /// The same in a process that may hold so many bytes of data.
    pub(crate) fn holding(mut self, bytes: u64) -> Self {
        self.held = Some(bytes);
        self
    }

    /// Runs it and gives what came of it.
    pub(crate) fn run(&self) -> Outcome {
        let costhost = Costhost::new(env!("CARGO_BIN_EXE_costhost-under-test"));
        lay_out(costhost.folder(), &self.component, &self.input);
        let mut args = vec!["run", "--json", "--config", "costhost.toml"];
        args.extend(self.flags.iter().map(String::as_str));
        let mut command = costhost.command(&args);
        let ended = match self.held {
            None => ended(&mut command),
            Some(bytes) => ended(&mut within(&command, bytes)),
        };
        Outcome::of(&costhost, ended)
    }
}

/// What came of a run.
pub(crate) struct Outcome {
    /// Exit code, state of the hostile source, and what is said of it, without what is different in every run.
    pub(crate) text: String,
    /// Standard error as it is.
    pub(crate) err: String,
}

/// The command under a limit of the system on its data.
fn within(command: &Command, bytes: u64) -> Command {
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--data={bytes}")).arg(command.get_program()).args(command.get_args());
    limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.current_dir(command.get_current_dir().unwrap());
    limited
}

/// Runs every case and compares what came of it with the stored texts. With `COSTHOST_UPDATE_EXPECTED` set the texts are
/// written instead, for a person to read.
pub(crate) fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let text = case.run().text;
        let file = folder().join("expected").join(format!("{}.txt", case.name));
        if std::env::var_os("COSTHOST_UPDATE_EXPECTED").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if text != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{text}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two sources and their plugins, and outside of them a secret to which links of the hostile source lead.
fn lay_out(folder: &Path, component: &[u8], input: &[u8]) {
    for name in ["hostile", "honest"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("hostile.wasm"), component).unwrap();
    std::fs::write(folder.join("honest.wasm"), Guest::honest().component()).unwrap();
    std::fs::write(folder.join("hostile/input"), input).unwrap();
    std::fs::write(folder.join("honest/input"), values::honest()).unwrap();
    std::fs::write(folder.join("secret"), SECRET).unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("hostile/link")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("hostile/folder-link")).unwrap();
    let config = "[[source]]\nname = 'hostile'\nlocation = 'hostile'\nplugin = './hostile.wasm'\n\n\
                  [[source]]\nname = 'honest'\nlocation = 'honest'\nplugin = './honest.wasm'\n";
    std::fs::write(folder.join("costhost.toml"), config).unwrap();
}

impl Outcome {
    fn of(costhost: &Costhost, ended: Ended) -> Self {
        let Ended { code, out, err } = ended;
        let lake = costhost.folder().join("lake");
        let staged = if lake.exists() { bucket::files(lake, ".parquet") } else { Vec::new() };
        let hostile = staged.iter().any(|file| file.to_string_lossy().contains("source=hostile"));
        let (said, state, run) = match serde_json::from_str::<Value>(&out) {
            Ok(receipt) => {
                let honest = of_source(&receipt, "honest");
                assert_eq!(honest["status"], "loaded", "the honest source does not go on: {err}\n{out}");
                let (said, state) = said_of_hostile(&receipt);
                (said, state, receipt["run"].as_str().unwrap().to_owned())
            }
            Err(_) => {
                assert!(out.is_empty(), "neither a receipt nor nothing: {out}");
                (err.lines().last().unwrap_or_default().to_owned(), "not started".to_owned(), String::new())
            }
        };
        assert_eq!(hostile, state == "loaded", "{state}, and files in the lake: {staged:?}");
        assert!(!said.contains(SECRET), "the secret is out: {said}");
        let mut beside: Vec<_> =
            std::fs::read_dir(costhost.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        beside.sort();
        beside.retain(|name| name != "lake");
        assert_eq!(beside, LAID_OUT, "something was written outside of the lake");
        let folder = costhost.folder().canonicalize().unwrap().display().to_string();
        let said = said.replace(&folder, "<folder>").replace(&format!("(run {run})"), "(run <run>)");
        Self { text: format!("exit code {code}, {state}\n{}\n", without_figures(&without_digests(&said))), err }
    }
}

fn of_source<'a>(receipt: &'a Value, source: &str) -> &'a Value {
    let periods = receipt["periods"].as_array().unwrap();
    periods.iter().find(|period| period["source"] == source).unwrap_or(&Value::Null)
}

/// What a receipt says of the hostile source, and its state.
fn said_of_hostile(receipt: &Value) -> (String, String) {
    let period = receipt["periods"].as_array().unwrap().iter().find(|period| period["source"] != "honest");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match period {
        Some(period) if period["status"] == "loaded" => {
            let mut said =
                vec![format!("{}: {} rows, {} rejects", text(&period["source"]), period["rows"], period["rejects"])];
            said.extend(period["notes"].as_array().into_iter().flatten().map(text));
            (said.join("\n"), "loaded".to_owned())
        }
        Some(period) => (text(&period["why"]), text(&period["status"])),
        None => (text(&receipt["problems"][0]["message"]), "not planned".to_owned()),
    }
}

/// Figures that depend on the machine left out, and long lines cut.
fn without_figures(text: &str) -> String {
    const FIGURES: [(&str, &str); 2] =
        [("", " log records came too fast"), ("this machine has not the ", " of memory")];
    const SHOWN: usize = 1000;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        for (before, after) in FIGURES {
            if let Some(end) = line.find(after)
                && let Some(start) = line[..end].find(before).map(|at| at + before.len())
            {
                line.replace_range(start..end, "<figure>");
            }
        }
        if line.len() > SHOWN {
            *line = format!("{}.. {} bytes", line.chars().take(50).collect::<String>(), line.len());
        }
    }
    lines.join("\n")
}

/// The first digits of plugins' digests, which change with every version of the tools, left out.
fn without_digests(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, after) = rest.split_at(at + 1);
        shown.push_str(before);
        let is_digest =
            after.len() > 12 && after.as_bytes()[12] == b')' && after[..12].bytes().all(|b| b.is_ascii_hexdigit());
        rest = if is_digest {
            shown.push_str("<digest>");
            &after[12..]
        } else {
            after
        };
    }
    shown + rest
}
