//! Plugins from web servers and OCI registries, against real ones.

use std::path::Path;

use costhost_tests::components::{VERSION, tally_version};
use costhost_tests::flaky::{CUT_SHORT, Flaky, HANG_UP, answer};
use costhost_tests::oci::{OciRegistry, PASSWORD, USER};
use costhost_tests::program::{Costhost, plugin};
use costhost_tests::tokens::TokenServer;

use crate::plugin_store::{done, listed, refused, with_store};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The first line of what a push says: the artifact's reference, with its digest.
fn pushed(costhost: &Costhost, file: &str, to: &str) -> String {
    done(costhost, &["plugin", "push", file, to]).lines().next().unwrap().to_owned()
}

#[test]
fn a_plugin_goes_to_a_registry_and_comes_back_the_same() {
    let registry = OciRegistry::start();
    let costhost = with_store();
    let repository = format!("oci://{}/plugins/tally", registry.host());
    let reference = pushed(&costhost, &plugin("tally"), &repository);
    assert!(reference.starts_with(&format!("{repository}:{VERSION}@sha256:")), "{reference}");
    assert_eq!(reference, pushed(&costhost, &plugin("tally"), &repository), "twice the same artifact");
    let newer = tally_version(costhost.folder(), "0.2.0");
    let latest = format!("{repository}:latest");
    let second = pushed(&costhost, text(&newer), &latest);
    refused(&costhost, &["plugin", "push", &plugin("tally"), &latest], 1, "--replace");

    done(&costhost, &["plugin", "install", &format!("{repository}:{VERSION}")]);
    let all = listed(&costhost);
    assert_eq!(all[0]["versions"][0]["origin"], reference.as_str());
    let by_digest = format!("{repository}@{}", second.rsplit_once('@').unwrap().1);
    done(&costhost, &["plugin", "install", "--use", &by_digest]);
    assert_eq!(listed(&costhost)[0]["versions"].as_array().unwrap().len(), 2);
    done(&costhost, &["plugin", "show", "tally@0.2.0"]);

    // A lock file says where others get it.
    done(&costhost, &["plugin", "lock", "tally", "--lock", "costhost.lock"]);
    let lock = std::fs::read_to_string(costhost.folder().join("costhost.lock")).unwrap();
    assert!(lock.contains(&format!("from = \"{by_digest}\"")), "{lock}");
    done(&costhost, &["plugin", "push", "--replace", &plugin("tally"), &latest]);

    refused(&costhost, &["plugin", "install", &repository], 2, "neither a tag nor a digest");
    refused(&costhost, &["plugin", "install", &format!("{repository}:nothing")], 1, "no such tag");
    let nowhere = "oci://127.0.0.1:9/tally:1";
    refused(&costhost, &["plugin", "install", nowhere], 1, "cannot be reached");
}

#[test]
fn what_a_registry_sends_is_checked_against_its_digests() {
    let registry = OciRegistry::start();
    let costhost = with_store();
    let to = format!("oci://{}/tally:x", registry.host());
    let said = done(&costhost, &["plugin", "push", &plugin("tally"), &to]);
    let component = said.trim_end().rsplit_once("sha256:").unwrap().1;
    let manifest = said.lines().next().unwrap().rsplit_once("sha256:").unwrap().1;
    let blob = registry.blob(component);
    let good = std::fs::read(&blob).unwrap();
    let mut bad = good.clone();
    bad[1000] ^= 1;
    std::fs::write(&blob, &bad).unwrap();
    refused(&costhost, &["plugin", "install", &to], 1, "on the way to it changed it");
    // Longer than its manifest says.
    std::fs::write(&blob, [&good[..], b"more"].concat()).unwrap();
    refused(&costhost, &["plugin", "install", &to], 1, "");
    std::fs::write(&blob, &good).unwrap();
    let kept = std::fs::read(registry.blob(manifest)).unwrap();
    let forged =
        String::from_utf8(kept).unwrap().replace("\"description\"", "\"Description\"").replace("tally", "tully");
    std::fs::write(registry.blob(manifest), forged).unwrap();
    let pinned = format!("oci://{}/tally@sha256:{manifest}", registry.host());
    assert_ne!(costhost.call(&["plugin", "install", &pinned]).code, 0);
    assert_eq!(listed(&costhost), serde_json::json!([]));
}

#[test]
fn a_registry_that_wants_a_login_gets_it_from_the_environment_or_docker() {
    use std::io::Write as _;
    let registry = OciRegistry::with_login();
    let mut costhost = with_store();
    let to = format!("oci://{}/tally:x", registry.host());
    refused(&costhost, &["plugin", "push", &plugin("tally"), &to], 1, "docker login");
    let docker = costhost.folder().join("docker");
    std::fs::create_dir(&docker).unwrap();
    let mut base64 = std::process::Command::new("base64")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    base64.stdin.take().unwrap().write_all(format!("{USER}:{PASSWORD}").as_bytes()).unwrap();
    let auth = String::from_utf8(base64.wait_with_output().unwrap().stdout).unwrap();
    let logins = format!(r#"{{"auths":{{"{}":{{"auth":"{}"}}}}}}"#, registry.host(), auth.trim());
    std::fs::write(docker.join("config.json"), logins).unwrap();
    costhost.set("DOCKER_CONFIG", text(&docker.clone()));
    done(&costhost, &["plugin", "push", &plugin("tally"), &to]);
    costhost.set("COSTHOST_REGISTRY_USER", USER);
    costhost.set("COSTHOST_REGISTRY_PASSWORD", "wrong");
    let ended = refused(&costhost, &["plugin", "install", &to], 1, "401");
    assert!(!ended.err.contains("wrong"), "{}", ended.err);
    costhost.set("COSTHOST_REGISTRY_PASSWORD", PASSWORD);
    done(&costhost, &["plugin", "install", &to]);
}

#[test]
fn a_registry_that_wants_a_token_gets_one_for_what_is_done() {
    let keys = tempfile::tempdir().unwrap();
    let tokens = TokenServer::start(keys.path());
    let registry = OciRegistry::with(|_| tokens.configuration());
    let mut costhost = with_store();
    let to = format!("oci://{}/plugins/tally:x", registry.host());
    refused(&costhost, &["plugin", "push", &plugin("tally"), &to], 1, "token server answers 401");
    costhost.set("COSTHOST_REGISTRY_USER", USER);
    costhost.set("COSTHOST_REGISTRY_PASSWORD", PASSWORD);
    done(&costhost, &["plugin", "push", &plugin("tally"), &to]);
    done(&costhost, &["plugin", "install", &to]);
}

#[test]
fn a_signature_travels_with_the_artifact() {
    let registry = OciRegistry::start();
    let costhost = with_store();
    let folder = costhost.folder();
    let file = tally_version(folder, "0.2.0");
    let openssl = |args: &[&str]| {
        let status = std::process::Command::new("openssl").args(args).current_dir(folder).status();
        assert!(status.unwrap().success(), "openssl {args:?}");
    };
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ours.key"]);
    openssl(&["ec", "-in", "ours.key", "-pubout", "-out", "ours.pub"]);
    let config = folder.join("costhost.toml");
    std::fs::write(&config, "[plugins]\nrequire-signature = true\nkeys = ['ours.pub']\n").unwrap();
    let to = format!("oci://{}/tally", registry.host());
    let unsigned = pushed(&costhost, text(&file), &to);
    refused(&costhost, &["plugin", "install", &unsigned, "--config", text(&config)], 1, "it is not signed");
    openssl(&["dgst", "-sha256", "-sign", "ours.key", "-out", &format!("{}.sig", text(&file)), text(&file)]);
    let signed = format!("{to}:signed");
    pushed(&costhost, text(&file), &signed);
    let said = done(&costhost, &["plugin", "install", &signed, "--config", text(&config)]);
    assert!(said.contains("signed by"), "{said}");
    done(&costhost, &["plugin", "show", "tally", "--config", text(&config)]);
}

/// A web server over a folder, as simple as they come; it ends when it is dropped.
struct Web(std::process::Child, u16);

impl Web {
    fn start(folder: &Path) -> Self {
        use std::io::{BufRead as _, BufReader};
        let mut server = std::process::Command::new("python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
            .current_dir(folder)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let said = lines.next().unwrap().unwrap();
        let port = said.split_once("port ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        Self(server, port.expect("the port in what it says"))
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_plugin_comes_from_a_web_server_over_tls_or_when_asked_to_without() {
    let costhost = with_store();
    let folder = costhost.folder().join("web");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(plugin("tally"), folder.join("tally.wasm")).unwrap();
    let web = Web::start(&folder);
    let url = format!("http://127.0.0.1:{}/tally.wasm", web.1);
    refused(&costhost, &["plugin", "install", &url], 2, "--plain-http");
    done(&costhost, &["plugin", "install", "--plain-http", &format!("{url}?token=sesame")]);
    assert_eq!(listed(&costhost)[0]["versions"][0]["origin"], url.as_str(), "no query is kept");
    refused(&costhost, &["plugin", "install", "--plain-http", &format!("{url}x")], 1, "no such file");
    refused(&costhost, &["plugin", "install", &url.replace("http:", "https:")], 1, "127.0.0.1");
    refused(&costhost, &["plugin", "install", "s3://bucket/tally.wasm"], 2, "not fetched from");
}

#[test]
fn a_server_that_has_trouble_is_asked_again_and_not_for_ever() {
    let costhost = with_store();
    let folder = costhost.folder().join("web");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(plugin("tally"), folder.join("tally.wasm")).unwrap();
    let web = Web::start(&folder);
    let server = format!("127.0.0.1:{}", web.1);
    let install = |flaky: &Flaky, file: &str| {
        costhost.call(&["plugin", "install", "--plain-http", &format!("http://{}/{file}", flaky.host())])
    };
    let at_once = "Retry-After: 0\r\n";
    let busy = answer("503 Service Unavailable", at_once);
    let troubles = vec![HANG_UP.to_owned(), busy, answer("429 Too Many Requests", at_once), CUT_SHORT.to_owned()];
    let flaky = Flaky::before(&server, troubles);
    let ended = install(&flaky, "tally.wasm");
    assert_eq!((ended.code, flaky.asked()), (0, 5), "{}", ended.err);
    assert_eq!(listed(&costhost)[0]["name"], "tally");

    let flaky = Flaky::before(&server, vec![answer("429 Too Many Requests", at_once); 9]);
    let ended = install(&flaky, "tally.wasm");
    assert_eq!((ended.code, flaky.asked()), (1, 5), "{}", ended.err);
    assert!(ended.err.contains("429 Too Many Requests; so ended the last of 5 attempts"), "{}", ended.err);

    let flaky = Flaky::before(&server, vec![answer("503 Service Unavailable", "Retry-After: 3600\r\n"); 9]);
    let ended = install(&flaky, "tally.wasm");
    assert_eq!((ended.code, flaky.asked()), (1, 1), "{}", ended.err);
    assert!(ended.err.contains("asks to come back in 3600 s"), "{}", ended.err);

    // What is not there is not there the next time.
    let flaky = Flaky::before(&server, Vec::new());
    assert_eq!((install(&flaky, "nothing.wasm").code, flaky.asked()), (1, 1));
}

#[test]
fn a_registry_that_has_trouble_is_asked_again() {
    let registry = OciRegistry::start();
    let costhost = with_store();
    let busy = answer("503 Service Unavailable", "Retry-After: 0\r\n");
    let flaky = Flaky::before(registry.host(), vec![HANG_UP.to_owned(), busy.clone(), busy]);
    let to = format!("oci://{}/tally:x", flaky.host());
    pushed(&costhost, &plugin("tally"), &to);
    let flaky = Flaky::before(registry.host(), vec![CUT_SHORT.to_owned(), HANG_UP.to_owned()]);
    done(&costhost, &["plugin", "install", &format!("oci://{}/tally:x", flaky.host())]);
    assert!(flaky.asked() >= 3);
}

#[test]
fn a_login_that_a_credential_helper_keeps_is_taken_from_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = OciRegistry::with_login();
    let mut costhost = with_store();
    let to = format!("oci://{}/tally:x", registry.host());
    let (programs, docker) = (costhost.folder().join("programs"), costhost.folder().join("docker"));
    for folder in [&programs, &docker] {
        std::fs::create_dir(folder).unwrap();
    }
    let helper = |name: &str, password: &str| {
        let script = format!(
            "#!/bin/sh\nread -r server\nif [ \"$1 $server\" != \"get {}\" ]; then echo 'credentials not found'; exit 1; fi\n\
             echo '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{password}\"}}'\n",
            registry.host()
        );
        let file = programs.join(format!("docker-credential-{name}"));
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    helper("ours", PASSWORD);
    helper("theirs", "wrong");
    let path = std::env::var("PATH").unwrap();
    costhost.set("PATH", &format!("{}:{path}", programs.display()));
    costhost.set("DOCKER_CONFIG", docker.to_str().unwrap());
    let config = |text: String| std::fs::write(docker.join("config.json"), text).unwrap();
    config(r#"{"auths":{},"credsStore":"ours"}"#.to_owned());
    done(&costhost, &["plugin", "push", &plugin("tally"), &to]);
    // A registry's own helper comes first, and its secret is never shown.
    config(format!(r#"{{"credsStore":"ours","credHelpers":{{"{}":"theirs"}}}}"#, registry.host()));
    let ended = refused(&costhost, &["plugin", "install", &to], 1, "401");
    assert!(!ended.err.contains("wrong"), "{}", ended.err);
    config(format!(r#"{{"credsStore":"theirs","credHelpers":{{"{}":"ours"}}}}"#, registry.host()));
    done(&costhost, &["plugin", "install", &to]);
    config(r#"{"credsStore":"missing"}"#.to_owned());
    let ended = refused(&costhost, &["plugin", "install", "--replace", &to], 1, "docker login");
    assert!(ended.err.contains("docker-credential-missing"), "{}", ended.err);
}
