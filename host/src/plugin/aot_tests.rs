//! Attacks on the compile cache: every entry that somebody else could have made is a miss.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const DIGEST: &str = "d1";

struct Cached {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Cached {
    /// A cache with one entry.
    fn new() -> Self {
        let mut config = wasmtime::Config::new();
        config.wasm_component_model(true).gc_support(false).concurrency_support(false);
        let cached = Self { folder: tempfile::tempdir().unwrap(), engine: Engine::new(&config).unwrap() };
        let component = wat::parse_str("(component)").unwrap();
        let code = OwnCode::compiled_here(&cached.engine, &component).unwrap();
        cached.open().unwrap().put(&cached.engine, DIGEST, &code).unwrap();
        cached
    }

    fn open(&self) -> io::Result<CompileCache> {
        CompileCache::open(&self.folder.path().join("a/components"), &self.folder.path().join("b/key"))
    }

    fn entry(&self) -> PathBuf {
        self.folder.path().join("a/components").join(entry_name(&self.engine, DIGEST))
    }

    fn hit(&self) -> bool {
        self.open().unwrap().get(&self.engine, DIGEST).is_some()
    }
}

#[test]
fn an_entry_is_found_again_under_its_digest_only() {
    let cached = Cached::new();
    assert!(cached.hit());
    assert!(cached.open().unwrap().get(&cached.engine, "d2").is_none());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(cached.entry().parent().unwrap()), 0o700);
    assert_eq!(mode(&cached.folder.path().join("b/key").join(KEY_FILE)), 0o600);
}

#[test]
fn changed_bytes_are_a_miss_wherever_they_are() {
    let cached = Cached::new();
    let good = fs::read(cached.entry()).unwrap();
    for at in [0, MAGIC.len(), MAGIC.len() + 32, HEADER, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(cached.entry(), &bad).unwrap();
        assert!(!cached.hit(), "byte {at}");
    }
    for length in [0, HEADER - 1, HEADER, good.len() - 1] {
        fs::write(cached.entry(), &good[..length]).unwrap();
        assert!(!cached.hit(), "{length} bytes");
    }
    let longer = [&good[..], b"x"].concat();
    fs::write(cached.entry(), longer).unwrap();
    assert!(!cached.hit(), "a byte more");
    fs::write(cached.entry(), &good).unwrap();
    assert!(cached.hit());
}

#[test]
fn an_entry_under_another_name_or_key_is_a_miss() {
    let cached = Cached::new();
    let other = cached.entry().with_file_name(entry_name(&cached.engine, "d2"));
    fs::copy(cached.entry(), &other).unwrap();
    assert!(cached.open().unwrap().get(&cached.engine, "d2").is_none());
    fs::remove_file(cached.folder.path().join("b/key").join(KEY_FILE)).unwrap();
    assert!(!cached.hit());
}

#[test]
fn links_and_files_others_may_write_are_a_miss() {
    let cached = Cached::new();
    fs::set_permissions(cached.entry(), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(!cached.hit());
    fs::set_permissions(cached.entry(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(cached.hit());
    let moved = cached.folder.path().join("elsewhere");
    fs::rename(cached.entry(), &moved).unwrap();
    symlink(&moved, cached.entry()).unwrap();
    assert!(!cached.hit());
}

#[test]
fn what_nothing_has_used_for_a_season_is_deleted_at_the_next_start() {
    let cached = Cached::new();
    let age = |path: &Path, days: u64| {
        let time = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    };
    age(&cached.entry(), 89);
    assert!(cached.hit());
    let used = fs::metadata(cached.entry()).unwrap().modified().unwrap();
    assert!(used.elapsed().unwrap() < Duration::from_secs(3600), "its use was noted");

    let beside = |name: &str| cached.entry().with_file_name(name);
    let (scratch, foreign, link) = (beside(".0.tmp"), beside("notes.txt"), beside("link.bin"));
    fs::write(&scratch, "").unwrap();
    fs::write(&foreign, "").unwrap();
    [&scratch, &foreign, &cached.entry()].into_iter().for_each(|path| age(path, 91));
    symlink(&foreign, &link).unwrap();
    cached.open().unwrap();
    assert!(!cached.entry().exists() && !scratch.exists());
    assert!(foreign.exists() && link.is_symlink());
    assert!(!cached.hit());
}

#[test]
fn a_key_or_folder_open_to_others_disables_the_cache() {
    let cached = Cached::new();
    let key = cached.folder.path().join("b/key").join(KEY_FILE);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(cached.open().is_err());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(cached.entry().parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(cached.open().is_err());
}

#[test]
fn an_entry_or_folder_of_another_user_is_not_used() {
    let cached = Cached::new();
    let cache = cached.open().unwrap();
    // As that other user would see it.
    let another = CompileCache { user: cache.user + 1, ..cache };
    assert!(another.get(&cached.engine, DIGEST).is_none());
    let meta = fs::metadata(cached.entry()).unwrap();
    assert!(trusted(&meta, meta.uid()).is_ok() && trusted(&meta, meta.uid() + 1).is_err());
    // And as root does, who may give files away: what the tests in CI run as.
    if meta.uid() == 0 {
        std::os::unix::fs::lchown(cached.entry(), Some(65534), None).unwrap();
        assert!(!cached.hit());
        std::os::unix::fs::lchown(cached.entry().parent().unwrap(), Some(65534), None).unwrap();
        assert_eq!(cached.open().err().unwrap().to_string(), "it belongs to another user");
    }
}

#[test]
fn a_whole_entry_of_another_cache_is_a_miss_here() {
    let (cached, attackers) = (Cached::new(), Cached::new());
    assert_eq!(cached.entry().file_name(), attackers.entry().file_name());
    fs::copy(attackers.entry(), cached.entry()).unwrap();
    assert!(!cached.hit(), "it was signed with another key");
    assert!(attackers.hit());
}

#[test]
fn pipes_folders_and_dangling_links_in_place_of_an_entry_neither_hang_nor_hit() {
    let cached = Cached::new();
    fs::remove_file(cached.entry()).unwrap();
    symlink("/nowhere", cached.entry()).unwrap();
    assert!(!cached.hit());
    fs::remove_file(cached.entry()).unwrap();
    fs::create_dir(cached.entry()).unwrap();
    assert!(!cached.hit());
    fs::remove_dir(cached.entry()).unwrap();
    let made = std::process::Command::new("mkfifo").arg("-m600").arg(cached.entry()).status().unwrap();
    assert!(made.success() && !cached.hit());
}

#[test]
fn a_group_writable_or_linked_folder_disables_the_cache() {
    let cached = Cached::new();
    let folder = cached.entry().parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(cached.open().err().unwrap().to_string(), "others may write to it");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(cached.hit());
    let elsewhere = cached.folder.path().join("elsewhere");
    fs::rename(&folder, &elsewhere).unwrap();
    symlink(&elsewhere, &folder).unwrap();
    assert_eq!(cached.open().err().unwrap().to_string(), "it is a link");
}

#[test]
fn a_key_that_can_be_guessed_is_not_used() {
    let cached = Cached::new();
    let key = cached.folder.path().join("b/key").join(KEY_FILE);
    let good = fs::read(&key).unwrap();
    for (bad, told) in [(vec![0; KEY_BYTES], "zeros"), (good[..KEY_BYTES - 1].to_vec(), "fill")] {
        fs::write(&key, bad).unwrap();
        let error = cached.open().err().unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
    let elsewhere = cached.folder.path().join("key");
    fs::write(&elsewhere, &good).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&key).unwrap();
    symlink(&elsewhere, &key).unwrap();
    assert!(cached.open().is_err(), "a link");
    let inside = cached.folder.path().join("a/components/key");
    assert!(CompileCache::open(&cached.folder.path().join("a/components"), &inside).is_err());
}

#[test]
fn the_host_has_exactly_one_unsafe_block_and_it_states_its_contract() {
    let mut sources = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("aot_tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let code = |line: &&str| !line.starts_with("//");
            let word = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| code(line) && word(line)) {
                let above: Vec<&&str> = lines[..at].iter().rev().take_while(|line| !code(line)).collect();
                found.push((path.clone(), (*line).to_owned(), above.iter().any(|line| line.starts_with("// SAFETY:"))));
            }
            let lint = lines.iter().filter(|line| code(line) && line.contains("unsafe_code")).count();
            assert_eq!(lint, usize::from(path.ends_with("plugin/aot.rs")), "{}", path.display());
        }
    }
    let [(path, line, contract)] = found.as_slice() else { panic!("{found:#?}") };
    assert!(path.ends_with("plugin/aot.rs") && line.starts_with("unsafe {") && *contract, "{found:#?}");
}
