//! Processes that are killed at any moment, and processes that load at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod lake_support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use costhost::lake::{Committed, LakeTable};
use futures::TryStreamExt as _;
use lake_support::{assert_whole, contents, open, partition, put};
use rand::{Rng as _, SeedableRng as _};

const CHILD: &str = "COSTHOST_TEST_LAKE_CHILD";

/// Starts this test binary as a loader. It loads deliveries `first`, `first + step`, .. up to `last` into the period
/// that all share and one of its own, and says `<source> <delivery>` after each that landed.
fn loader(dir: &Path, name: &str, first: i64, step: i64, last: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{name} {first} {step} {last} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the loader that the other tests start and kill"]
async fn child() {
    let job = std::env::var(CHILD).expect("started by another test");
    let parts: Vec<&str> = job.splitn(5, ' ').collect();
    let [name, first, step, last, dir] = parts.as_slice() else { panic!("{job}") };
    let (_, table) = open(Path::new(dir)).await;
    let (step, last): (i64, i64) = (step.parse().unwrap(), last.parse().unwrap());
    let mut n: i64 = first.parse().unwrap();
    while n <= last {
        for source in ["shared", name] {
            if matches!(put(&table, &partition(source, 1), name, n).await, Committed::New { .. }) {
                println!("landed {source} {n}");
            }
        }
        n += step;
    }
}

/// What a loader said, for one source.
fn landed(lines: &[String], source: &str) -> Vec<i64> {
    lines
        .iter()
        .filter_map(|line| line.split_once("landed ")?.1.split_once(' '))
        .filter(|(place, _)| *place == source)
        .map(|(_, n)| n.parse().unwrap())
        .collect()
}

fn said(child: &mut Child) -> Vec<String> {
    let out = BufReader::new(child.stdout.take().unwrap());
    // The last line of a killed process may be cut.
    out.split(b'\n').map(|line| String::from_utf8_lossy(&line.unwrap()).into_owned()).collect()
}

async fn delivered(table: &LakeTable, source: &str) -> i64 {
    let mark = table.loaded(&partition(source, 1)).await.unwrap();
    mark.and_then(|mark| mark.delivered).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_loaders_leave_whole_loads_and_the_next_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = rand::rngs::StdRng::seed_from_u64(2);
    let mut killed_between = 0;
    for round in 0..30 {
        let (_, table) = open(dir.path()).await;
        let before = delivered(&table, "shared").await;
        let mut child = loader(dir.path(), "main", before + 1, 1, i64::MAX);
        // Long enough to load some, short enough to hit every step of the first ones.
        tokio::time::sleep(Duration::from_millis(random.random_range(10..400))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let lines = tokio::task::spawn_blocking(move || said(&mut child)).await.unwrap();

        let (_, table) = open(dir.path()).await;
        if table.delta().await.unwrap().is_none() {
            continue;
        }
        assert_whole(&table).await;
        for source in ["shared", "main"] {
            let acknowledged = landed(&lines, source).last().copied().unwrap_or(0);
            let there = delivered(&table, source).await;
            assert!(there >= acknowledged, "round {round}: {source} {acknowledged} was acknowledged, {there} is in");
            assert!(there <= acknowledged.max(before) + 1, "round {round}: {source} {there} is in");
            let rows = contents(&table).await.into_iter().find(|line| line.0 == source).map_or(0, |line| line.2);
            assert_eq!(rows, there, "round {round}: rows and mark of {source} differ");
        }
        killed_between += i32::from(delivered(&table, "shared").await > before);
    }
    assert!(killed_between > 3, "the loaders were killed before they did anything");
    let (_, table) = open(dir.path()).await;
    let next = delivered(&table, "shared").await + 1;
    assert!(matches!(put(&table, &partition("shared", 1), "after", next).await, Committed::New { .. }));
    assert_whole(&table).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_load_at_once_lose_and_double_nothing() {
    const LAST: i64 = 60;
    let dir = tempfile::tempdir().unwrap();
    let mut children = [loader(dir.path(), "even", 2, 2, LAST), loader(dir.path(), "odd", 1, 2, LAST - 1)];
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        let (_, table) = open(dir.path()).await;
        if table.delta().await.unwrap().is_some() {
            assert_whole(&table).await;
        }
    }
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let lines: Vec<String> = children.iter_mut().flat_map(said).collect();
    let (_, table) = open(dir.path()).await;
    assert_whole(&table).await;
    let newest: Vec<_> = contents(&table).await.into_iter().map(|line| (line.0, line.2)).collect();
    assert_eq!(newest, [("even".to_owned(), LAST), ("odd".to_owned(), LAST - 1), ("shared".to_owned(), LAST)]);
    assert_eq!(landed(&lines, "even").len() + landed(&lines, "odd").len(), usize::try_from(LAST).unwrap());

    // The table's own history agrees with what the loaders said, and never goes back.
    let delta = table.delta().await.unwrap().unwrap();
    let mut history: Vec<i64> = delta
        .history(None)
        .try_collect::<Vec<_>>()
        .await
        .unwrap()
        .iter()
        .filter(|info| {
            let parameters = info.operation_parameters.as_ref();
            parameters.and_then(|all| all.get("predicate")).is_some_and(|text| text.to_string().contains("shared"))
        })
        .map(|info| info.info["costhost"]["n"].as_i64().unwrap())
        .collect();
    history.reverse();
    let mut acknowledged = landed(&lines, "shared");
    acknowledged.sort_unstable();
    assert_eq!(history, acknowledged);
}
