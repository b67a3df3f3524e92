//! `costhost plugin new`: the folder of a plugin that builds and passes its tests as it is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::super::{Exit, UsageError};
use super::sample::{Names, files};
use crate::cli::output::say;

/// Flags of `costhost plugin new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// What it is called: lower case letters, digits and `-`, such as acme-cloud
    pub name: String,
    /// The folder that is made [default: NAME]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The SDK: the `sdk` folder of a checkout of costhost, or the URL of its git repository, with `#REVISION` or without
    /// [default: that of the checkout this is run in or from]
    #[arg(long, env = "COSTHOST_SDK", value_name = "DIR|URL")]
    pub sdk: Option<String>,
}

/// Writes the folder.
///
/// # Errors
/// When the name is not one, the folder is there already, or no SDK is found.
pub(super) fn execute(args: &NewArgs) -> anyhow::Result<Exit> {
    check_name(&args.name)?;
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if dir.exists() && std::fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_some()) {
        return Err(UsageError(format!("{} is there already; name another folder with --dir", dir.display())).into());
    }
    let sdk = Sdk::find(args.sdk.as_deref())?;
    let names = Names { name: args.name.clone(), sdk: sdk.dependency() };
    for (path, text) in files(&names) {
        write(&dir.join(path), text.as_bytes())?;
    }
    // The versions the SDK was tested with.
    if let Some(lock) = sdk.lock_file() {
        write(&dir.join("Cargo.lock"), &std::fs::read(&lock).with_context(|| lock.display().to_string())?)?;
    }
    say!("{}: a plugin that builds and passes its tests. Next:", dir.display())?;
    say!("  cd {}", dir.display())?;
    say!("  costhost plugin test .")?;
    Ok(Exit::Done)
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    std::fs::write(path, content).with_context(|| path.display().to_string())
}

fn check_name(name: &str) -> Result<(), UsageError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let sound = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) && name.len() <= 40;
    if sound && !name.ends_with('-') && !name.contains("--") {
        return Ok(());
    }
    Err(UsageError(format!(
        "`{name}` cannot be a plugin's name: use lower case letters, digits and single `-`, at most 40"
    )))
}

/// Where the SDK comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sdk {
    Folder(PathBuf),
    Git { url: String, revision: Option<String> },
}

impl Sdk {
    fn find(given: Option<&str>) -> anyhow::Result<Self> {
        match given {
            Some(url) if url.contains("://") => {
                let (url, revision) = url.split_once('#').map_or((url, None), |(url, revision)| (url, Some(revision)));
                Ok(Self::Git { url: url.to_owned(), revision: revision.map(str::to_owned) })
            }
            Some(folder) => Self::folder(Path::new(folder))
                .ok_or_else(|| UsageError(format!("{folder} is not the SDK: it has no Cargo.toml of costhost-sdk")).into()),
            None => starting_points().iter().flat_map(|start| start.ancestors()).find_map(|above| {
                Self::folder(&above.join("sdk"))
            })
            .ok_or_else(|| {
                let message = "the SDK is not found: this program was not run in or from a checkout of costhost. Name its \
                               `sdk` folder, or the URL of its git repository, with --sdk";
                UsageError(message.to_owned()).into()
            }),
        }
    }

    fn folder(folder: &Path) -> Option<Self> {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        let named = manifest.lines().any(|line| line.trim() == "name = \"costhost-sdk\"");
        if named { folder.canonicalize().ok().map(Self::Folder) } else { None }
    }

    /// As an inline table of TOML.
    fn dependency(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        match self {
            Self::Folder(folder) => format!("{{ path = {} }}", quoted(&folder.display().to_string())),
            Self::Git { url, revision: None } => format!("{{ git = {} }}", quoted(url)),
            Self::Git { url, revision: Some(revision) } => {
                format!("{{ git = {}, rev = {} }}", quoted(url), quoted(revision))
            }
        }
    }

    fn lock_file(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.parent()?.join("Cargo.lock")).filter(|lock| lock.is_file()),
            Self::Git { .. } => None,
        }
    }
}

/// Where a checkout may be found above: here, and where the program lies. A development build knows where it was made.
fn starting_points() -> Vec<PathBuf> {
    let built = cfg!(debug_assertions).then(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    [std::env::current_dir().ok(), std::env::current_exe().ok(), built].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates_and_plugins() {
        for good in ["acme", "acme-cloud", "a2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Acme", "2a", "a_b", "a--b", "a-", "a b", "ä"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_sdk_is_a_folder_or_a_repository() {
        let given = |text: &str| Sdk::find(Some(text)).map(|sdk| sdk.dependency());
        assert_eq!(given("https://example.org/x.git").unwrap(), r#"{ git = "https://example.org/x.git" }"#);
        assert_eq!(given("ssh://git@x/y#abc").unwrap(), r#"{ git = "ssh://git@x/y", rev = "abc" }"#);
        assert!(given("/nowhere").unwrap_err().to_string().contains("not the SDK"));
        // This very checkout.
        let Sdk::Folder(folder) = Sdk::find(None).unwrap() else { panic!("not a folder") };
        assert!(folder.join("template/Cargo.toml.in").is_file());
    }

    #[test]
    fn no_place_for_a_name_is_left_open() {
        let names = Names { name: "acme-cloud".to_owned(), sdk: "{ path = \"x\" }".to_owned() };
        let files = files(&names);
        for (path, text) in &files {
            assert!(!path.contains("{{") && !text.contains("{{"), "{path}");
        }
        assert!(files.iter().any(|(path, text)| path == "src/manifest.rs" && text.contains("acme_cloud_daily_costs")));
    }
}
