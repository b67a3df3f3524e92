//! Logins that docker keeps with a helper: a program `docker-credential-NAME`, asked as docker asks it.
//!
//! The helper is one of the user's own programs, found on the path and named by the user's own file. It gets the registry's
//! name, and has a minute: it may ask the user to unlock something.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::auth::Credentials;

/// How long a helper may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// What stands for a name where the secret is a refresh token.
const TOKEN_USER: &str = "<token>";

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// What a helper has for a registry, if anything. A helper that fails is told in the log, without what it said: that may be a
/// secret.
pub(super) fn credentials(helper: &str, registry: &str) -> Option<Credentials> {
    if !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        tracing::warn!("the file with logins names a credential helper that no program can be called; it is not asked");
        return None;
    }
    let program = format!("docker-credential-{helper}");
    let answer = match asked(&program, registry) {
        Ok(answer) => answer?,
        Err(error) => {
            tracing::warn!(program, %error, "the credential helper cannot be asked; is it installed, and on the path?");
            return None;
        }
    };
    let parsed = serde_json::from_slice::<Answer>(&answer);
    let Ok(Answer { username, secret }) = parsed else {
        tracing::warn!(program, "the credential helper does not answer as docker's helpers do; its answer is not used");
        return None;
    };
    if username == TOKEN_USER {
        tracing::warn!(program, "the login is a refresh token, which is not taken; give a name and a password");
        return None;
    }
    Some(Credentials { user: username, password: secret })
}

/// What it writes; `None` when it has nothing for the registry, or took too long.
fn asked(program: &str, registry: &str) -> std::io::Result<Option<Vec<u8>>> {
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let answer = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map(|pipe| pipe.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes));
        read.transpose().map(|_| bytes)
    });
    // A helper that needs no question may be gone already.
    _ = stdin.map(|mut pipe| writeln!(pipe, "{registry}"));
    let succeeded = succeeds(&mut child)?;
    if !succeeded {
        tracing::debug!(program, "the credential helper has nothing for this registry");
        return Ok(None);
    }
    answer.join().map_err(|_| std::io::Error::other("reading its answer failed"))?.map(Some)
}

/// Waits for a child and tells whether it succeeded; one that takes too long is ended.
fn succeeds(child: &mut Child) -> std::io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        std::thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Err(std::io::Error::other(format!("it took longer than {} s", PATIENCE.as_secs())))
}
