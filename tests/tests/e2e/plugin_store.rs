//! Installing, choosing, pinning and removing plugins, as an operator does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use costhost_tests::components::{VERSION, tally_rebuilt, tally_version};
use costhost_tests::program::{Costhost, Ended, ended, plugin};
use serde_json::Value;

/// A program with a store of its own.
pub(crate) fn with_store() -> Costhost {
    let mut costhost = crate::costhost();
    let store = costhost.folder().join("plugins").display().to_string();
    costhost.set("COSTHOST_PLUGIN_STORE", &store);
    costhost
}

/// A command that must succeed.
pub(crate) fn done(costhost: &Costhost, args: &[&str]) -> String {
    let ended = costhost.call(args);
    assert_eq!(ended.code, 0, "{args:?}: {}\n{}", ended.err, ended.out);
    ended.out
}

/// A command that must fail, with its message.
pub(crate) fn refused(costhost: &Costhost, args: &[&str], code: i32, told: &str) -> Ended {
    let ended = costhost.call(args);
    assert_eq!(ended.code, code, "{args:?}: {}\n{}", ended.err, ended.out);
    assert!(ended.err.contains(told), "{args:?}: {}", ended.err);
    ended
}

pub(crate) fn listed(costhost: &Costhost) -> Value {
    serde_json::from_str(&done(costhost, &["plugin", "ls", "--json"])).unwrap()
}

fn current(costhost: &Costhost) -> String {
    let all = listed(costhost);
    let name = &all[0];
    let versions = name["versions"].as_array().unwrap();
    let current = versions.iter().find(|version| version["digest"] == name["current"]).unwrap();
    current["version"].as_str().unwrap().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A small month for the plugin `tally`.
pub(crate) fn deliver(folder: &Path) -> String {
    std::fs::create_dir_all(folder).unwrap();
    let report = "day,team,department,project,service,seats,cost,currency,labels,invoice\n\
        2026-09-02,Core,R&D,lake,storage,1,12.50,USD,,INV-1\n2026-09-03,Core,R&D,lake,compute,2,0.25,USD,,INV-1\n";
    let file = std::fs::File::create(folder.join("tally-2026-09.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, report.as_bytes()).unwrap();
    gzip.finish().unwrap();
    folder.display().to_string()
}

#[test]
fn an_installed_plugin_runs_by_name_and_by_version() {
    let costhost = with_store();
    let newer = tally_version(costhost.folder(), "0.2.0");
    refused(&costhost, &["plugin", "use", "tally@0.2.0"], 2, "not installed");
    let said = done(&costhost, &["plugin", "install", &plugin("tally")]);
    assert!(said.contains(&format!("{VERSION} is current")), "{said}");
    let said = done(&costhost, &["plugin", "install", text(&newer)]);
    assert!(said.contains("plugin use tally@0.2.0"), "{said}");
    assert_eq!(current(&costhost), VERSION, "what is installed later is not used unasked");

    let bucket = deliver(&costhost.folder().join("bucket"));
    let ran = |name: &str| -> Value {
        let out = done(&costhost, &["run", "--plugin", name, &bucket, "--json", "--force"]);
        serde_json::from_str::<Value>(&out).unwrap()["periods"][0].clone()
    };
    let first = ran("tally");
    assert_eq!((&first["plugin"], &first["status"]), (&format!("tally {VERSION}").into(), &"loaded".into()));
    let second = ran("tally@0.2.0");
    assert_eq!(second["plugin"], "tally 0.2.0");
    let digest = second["plugin_digest"].as_str().unwrap();
    assert_eq!(ran(&format!("tally@{}", &digest[..12]))["plugin_digest"], digest);
    refused(&costhost, &["run", "--plugin", "tally@9.9.9", &bucket], 2, "of this name there are");
    refused(&costhost, &["run", "--plugin", "nothing", &bucket], 2, "no plugin called `nothing`");
    let shown = done(&costhost, &["plugin", "show", "tally"]);
    assert!(
        shown.contains(", current") && shown.contains("history  ") && shown.contains("imports  costhost:provider/"),
        "{shown}"
    );
}

#[test]
fn versions_are_switched_and_gone_back_to() {
    let costhost = with_store();
    let newer = tally_version(costhost.folder(), "0.2.0");
    let newest = tally_version(costhost.folder(), "0.3.0");
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    done(&costhost, &["plugin", "install", text(&newer)]);
    done(&costhost, &["plugin", "use", "tally@0.2.0"]);
    assert_eq!(current(&costhost), "0.2.0");
    done(&costhost, &["plugin", "install", "--use", text(&newest)]);
    assert_eq!(current(&costhost), "0.3.0");
    done(&costhost, &["plugin", "rollback", "tally"]);
    assert_eq!(current(&costhost), "0.2.0");
    done(&costhost, &["plugin", "rollback", "tally"]);
    assert_eq!(current(&costhost), VERSION);
    refused(&costhost, &["plugin", "rollback", "tally"], 1, "no earlier version");

    refused(&costhost, &["plugin", "rm", &format!("tally@{VERSION}")], 1, "current");
    done(&costhost, &["plugin", "rm", "tally@0.3.0"]);
    refused(&costhost, &["plugin", "use", "tally@0.3.0"], 2, "0.2.0");
    refused(&costhost, &["plugin", "rm", "tally"], 1, "--force");
    done(&costhost, &["plugin", "rm", "--force", "tally"]);
    assert_eq!(listed(&costhost), serde_json::json!([]));
    let left = std::fs::read_dir(costhost.folder().join("plugins/blobs")).unwrap().count();
    assert_eq!(left, 0, "no component stays behind");
}

#[test]
fn a_version_never_changes_its_bytes_unasked() {
    let costhost = with_store();
    let again = tally_rebuilt(costhost.folder());
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    let said = done(&costhost, &["plugin", "install", &plugin("tally")]);
    assert!(said.contains("installed already"), "{said}");
    refused(&costhost, &["plugin", "install", text(&again)], 1, "--replace");
    assert_eq!(listed(&costhost)[0]["versions"].as_array().unwrap().len(), 1);
    done(&costhost, &["plugin", "install", "--replace", "--use", text(&again)]);
    let all = listed(&costhost);
    assert_eq!(all[0]["current"], all[0]["versions"][1]["digest"]);
    done(&costhost, &["plugin", "rollback", "tally"]);
    assert_eq!(listed(&costhost)[0]["current"], all[0]["versions"][0]["digest"]);
}

#[test]
fn what_is_no_plugin_or_not_the_one_is_not_installed() {
    let costhost = with_store();
    let folder = costhost.folder();
    let core = folder.join("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    refused(&costhost, &["plugin", "install", text(&core)], 2, "core WebAssembly module");
    let broken = folder.join("broken.wasm");
    let whole = std::fs::read(plugin("tally")).unwrap();
    std::fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    refused(&costhost, &["plugin", "install", text(&broken)], 1, "not a component this host can run");
    let other = format!("sha256:{}", "0".repeat(64));
    refused(&costhost, &["plugin", "install", &plugin("tally"), "--digest", &other], 1, "Nothing was installed");
    refused(&costhost, &["plugin", "install", &plugin("tally"), "--digest", "sha256:00"], 2, "is not a digest");
    refused(&costhost, &["plugin", "install", "missing.wasm"], 2, "cannot read the plugin");
    assert_eq!(listed(&costhost), serde_json::json!([]));
}

#[test]
fn a_store_that_was_changed_behind_our_back_is_noticed() {
    let costhost = with_store();
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    let digest = listed(&costhost)[0]["current"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let store = costhost.folder().join("plugins");
    let blob = store.join(format!("blobs/{digest}.wasm"));
    assert_eq!(std::fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(&blob).unwrap().permissions().mode() & 0o777, 0o400);
    std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::copy(plugin("aws-cur"), &blob).unwrap();
    refused(&costhost, &["plugin", "show", "tally"], 1, "is not what it should be");
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    done(&costhost, &["plugin", "show", "tally"]);
    std::fs::set_permissions(store.join("names"), std::fs::Permissions::from_mode(0o777)).unwrap();
    refused(&costhost, &["plugin", "show", "tally"], 1, "may write to it");
}

#[test]
fn two_processes_may_install_at_once() {
    let costhost = with_store();
    let files: Vec<_> = ["0.2.0", "0.3.0"].iter().map(|version| tally_version(costhost.folder(), version)).collect();
    let mut all: Vec<String> = files.iter().map(|file| text(file).to_owned()).collect();
    all.push(plugin("tally"));
    let children = all.iter().chain(&all).map(|file| costhost.command(&["plugin", "install", file]).spawn().unwrap());
    for mut child in children.collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    let all = listed(&costhost);
    assert_eq!(all[0]["versions"].as_array().unwrap().len(), 3);
    assert_eq!(all[0]["log"].as_array().unwrap().len(), 1, "the first one is current");
    let scratch = std::fs::read_dir(costhost.folder().join("plugins/names")).unwrap().count();
    assert_eq!(scratch, 1, "nothing half-written stays");
}

#[test]
fn a_lock_file_pins_what_runs() {
    let costhost = with_store();
    let newer = tally_version(costhost.folder(), "0.2.0");
    let bucket = deliver(&costhost.folder().join("bucket"));
    let config = costhost.folder().join("costhost.toml");
    std::fs::write(&config, format!("[[source]]\nname = 'team'\nlocation = '{bucket}'\nplugin = 'tally'\n")).unwrap();
    let config = text(&config);
    done(&costhost, &["plugin", "install", &plugin("tally")]);
    done(&costhost, &["plugin", "install", "--use", text(&newer)]);
    done(&costhost, &["plugin", "use", &format!("tally@{VERSION}")]);
    let said = done(&costhost, &["plugin", "lock", "--config", config]);
    assert!(said.contains(&format!("tally {VERSION}")), "{said}");
    let lock = std::fs::read_to_string(costhost.folder().join("costhost.lock")).unwrap();
    assert!(lock.contains("name = \"tally\"") && lock.contains("digest = \"sha256:"), "{lock}");

    // A name that was made to stand for another plugin.
    let forged = lock.replace("name = \"tally\"", "name = \"aws-cur\"");
    std::fs::write(costhost.folder().join("forged.lock"), forged).unwrap();
    refused(&costhost, &["plugin", "show", "aws-cur", "--lock", "forged.lock"], 1, "that is tally");

    // What is current changes; what runs does not.
    let said = done(&costhost, &["plugin", "use", "tally@0.2.0", "--config", config]);
    assert!(said.contains("still pins tally"), "{said}");
    let ran: Value = serde_json::from_str(&done(&costhost, &["run", "--config", config, "--json"])).unwrap();
    assert_eq!(ran["periods"][0]["plugin"], format!("tally {VERSION}"));
    refused(&costhost, &["run", "--config", config, "--plugin", "tally@0.2.0"], 1, "costhost plugin lock tally@0.2.0");
    refused(&costhost, &["run", "--config", config, "--plugin", text(&newer)], 1, "this is 0.2.0");
    refused(&costhost, &["run", "--config", config, "--plugin", "aws-cur"], 2, "does not pin aws-cur");
    refused(&costhost, &["plugin", "rm", "--config", config, &format!("tally@{VERSION}")], 1, "pinned");

    let said = done(&costhost, &["plugin", "lock", "--config", config, "tally@0.2.0"]);
    assert!(said.contains(&format!("(was {VERSION})")), "{said}");
    done(&costhost, &["plugin", "use", &format!("tally@{VERSION}"), "--config", config]);
    done(&costhost, &["plugin", "rm", "--force", "--config", config, "tally@0.2.0"]);
    refused(&costhost, &["run", "--config", config], 1, "is not installed");
    done(&costhost, &["plugin", "lock", "--config", config]);
    let ran: Value = serde_json::from_str(&done(&costhost, &["run", "--config", config, "--json"])).unwrap();
    assert_eq!(ran["periods"][0]["plugin"], format!("tally {VERSION}"));
    refused(&costhost, &["run", "--lock", "no.lock", "--plugin", "tally", &bucket], 2, "no lock file");
}

/// A key pair of openssl: the private key's file and the public one's.
fn key_pair(folder: &Path, name: &str) -> (String, String) {
    let (private, public) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pub")));
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", text(&private)]);
    openssl(&["ec", "-in", text(&private), "-pubout", "-out", text(&public)]);
    (private.display().to_string(), public.display().to_string())
}

fn openssl(args: &[&str]) {
    let ended = ended(Command::new("openssl").args(args));
    assert_eq!(ended.code, 0, "openssl {args:?}: {}", ended.err);
}

#[test]
fn unsigned_plugins_are_refused_where_signatures_are_asked_for() {
    let costhost = with_store();
    let folder = costhost.folder();
    let ours = tally_version(folder, "0.2.0");
    let (private, _) = key_pair(folder, "ours");
    let (stranger, _) = key_pair(folder, "stranger");
    let config = folder.join("costhost.toml");
    std::fs::write(&config, "[plugins]\nrequire_signature = true\nkeys = ['ours.pub']\n").unwrap();
    let config = text(&config).to_owned();
    let install = |more: &[&str]| {
        let mut args = vec!["plugin", "install", text(&ours), "--config", &config];
        args.extend_from_slice(more);
        costhost.call(&args)
    };
    let ended = install(&[]);
    assert!(ended.code == 1 && ended.err.contains("it is not signed"), "{}", ended.err);
    let foreign = folder.join("foreign.sig").display().to_string();
    openssl(&["dgst", "-sha256", "-sign", &stranger, "-out", &foreign, text(&ours)]);
    let ended = install(&["--signature", &foreign]);
    assert!(ended.code == 1 && ended.err.contains("not made by any of"), "{}", ended.err);
    let beside = format!("{}.sig", text(&ours));
    openssl(&["dgst", "-sha256", "-sign", &private, "-out", &beside, text(&ours)]);
    let ended = install(&[]);
    assert!(ended.code == 0 && ended.out.contains("signed by") && ended.out.contains("ours.pub"), "{}", ended.err);

    // At every run again, from the store and by path.
    done(&costhost, &["plugin", "show", "tally", "--config", &config]);
    done(&costhost, &["plugin", "show", text(&ours), "--config", &config]);
    refused(&costhost, &["plugin", "show", &plugin("tally"), "--config", &config], 1, "it is not signed");
    let signature = std::fs::read_dir(folder.join("plugins/signatures")).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&foreign, &signature).unwrap();
    refused(&costhost, &["plugin", "show", "tally", "--config", &config], 1, "not made by any of");
    std::fs::remove_file(&signature).unwrap();
    refused(&costhost, &["plugin", "show", "tally", "--config", &config], 1, "it is not signed");
    std::fs::write(folder.join("ours.pub"), "no key").unwrap();
    refused(&costhost, &["plugin", "show", "tally", "--config", &config], 1, "ours.pub");
}

#[test]
fn an_archive_carries_a_plugin_and_its_signature_over_an_air_gap() {
    let costhost = with_store();
    let folder = costhost.folder();
    let ours = tally_version(folder, "0.2.0");
    let (private, _) = key_pair(folder, "ours");
    openssl(&["dgst", "-sha256", "-sign", &private, "-out", &format!("{}.sig", text(&ours)), text(&ours)]);
    done(&costhost, &["plugin", "install", text(&ours)]);
    done(&costhost, &["plugin", "export", "tally@0.2.0", "-o", "tally.tar"]);
    done(&costhost, &["plugin", "export", "tally", "-o", "again.tar"]);
    let archive = std::fs::read(folder.join("tally.tar")).unwrap();
    assert_eq!(archive, std::fs::read(folder.join("again.tar")).unwrap(), "the same plugin makes the same archive");
    let before = listed(&costhost)[0]["current"].clone();

    let mut there = crate::costhost();
    there.set("COSTHOST_PLUGIN_STORE", &there.folder().join("plugins").display().to_string());
    let config = there.folder().join("costhost.toml");
    let key = folder.join("ours.pub");
    std::fs::write(&config, format!("[plugins]\nrequire_signature = true\nkeys = ['{}']\n", key.display())).unwrap();
    let there_file = there.folder().join("tally.tar");
    let import = || there.call(&["plugin", "import", "tally.tar", "--config", text(&config)]);
    // A bit of the component, then the whole archive.
    let mut bad = archive.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&there_file, &bad).unwrap();
    let ended = import();
    assert!(ended.code == 1 && ended.err.contains("its component is sha256:"), "{}", ended.err);
    std::fs::write(&there_file, &archive).unwrap();
    let ended = import();
    assert!(ended.code == 0 && ended.out.contains("signed by"), "{}", ended.err);
    assert_eq!(listed(&there)[0]["current"], before);
    done(&there, &["plugin", "show", "tally", "--config", text(&config)]);
}

#[test]
fn a_compiler_that_takes_too_long_costs_one_error() {
    let costhost = with_store();
    // As if the limit were a second; a component of this size takes more where it was never compiled before.
    let mut command = Command::new("bash");
    let empty = costhost.folder().join("cache");
    let inner = costhost.command(&["plugin", "install", &plugin("tally")]);
    command.args(["-c", "ulimit -t 1 && exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("XDG_CACHE_HOME", &empty).current_dir(costhost.folder());
    let ended = ended(&mut command);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("processor time") && ended.err.contains("was stopped"), "{}", ended.err);
    assert_eq!(listed(&costhost), serde_json::json!([]));
}
