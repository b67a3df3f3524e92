//! Two hosts on one lake at once lose and double nothing.

use std::process::{Child, Stdio};

use costhost_tests::program::{Costhost, plugin};
use costhost_tests::s3::{Fault, S3Server};

const COUNTS: &str = "select source, month, count(*) as n, sum(line_item_unblended_cost) as cost from line_items group by 1, 2 order by 1, 2";
const SUMMARY: &str = "select source, month, count(*) as n, sum(unblended_cost) as cost from \
                       reporting_awscostentrylineitem_daily_summary group by 1, 2 order by 1, 2";

fn start(costhost: &Costhost, args: &[&str]) -> Child {
    let plugin = plugin("aws-cur");
    let mut all = vec!["run", "--plugin", &plugin];
    all.extend_from_slice(args);
    costhost.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn succeed(child: Child) {
    let output = child.wait_with_output().expect("an end");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

/// Four rounds of two hosts: the same periods, then different sources.
fn race(costhost: &Costhost) {
    let folder = |name: &str| costhost.folder().join(name).display().to_string();
    let (a, b) = (folder("a"), folder("b"));
    for round in 0..4_u64 {
        for (path, name) in [(&a, "a"), (&b, "b")] {
            let _ = std::fs::remove_dir_all(path);
            super::lifecycle::generate(path.as_ref(), "2026-01..2026-02", 300 + round * 10, u64::from(name == "b"));
        }
        let quiet = super::costhost();
        quiet.receipt(&[&a, "--source-name", "a"]);
        quiet.receipt(&[&b, "--source-name", "b"]);

        let same = [start(costhost, &[&a, "--source-name", "a"]), start(costhost, &[&a, "--source-name", "a"])];
        same.into_iter().for_each(succeed);
        let args = |path, name| ["--source-name", name, path, "--force"];
        let different = [start(costhost, &args(&a, "a")), start(costhost, &args(&b, "b"))];
        different.into_iter().for_each(succeed);
        assert_eq!(costhost.sql(COUNTS), quiet.sql(COUNTS), "round {round}");
        assert_eq!(costhost.sql(SUMMARY), quiet.sql(SUMMARY), "round {round}");
    }
}

#[test]
fn two_hosts_on_a_local_lake() {
    race(&super::costhost());
}

#[test]
fn two_deliveries_of_one_period_at_once_leave_one_of_them_whole_in_each_table() {
    let costhost = super::costhost();
    let folder = |name: &str| costhost.folder().join(name).display().to_string();
    let (old, new) = (folder("old"), folder("new"));
    super::lifecycle::generate(old.as_ref(), "2026-01..2026-01", 300, 1);
    super::lifecycle::generate(new.as_ref(), "2026-01..2026-01", 400, 1);
    let alone = [&old, &new].map(|path| {
        let quiet = super::costhost();
        quiet.receipt(&[path, "--source-name", "cur"]);
        [quiet.sql(COUNTS), quiet.sql(SUMMARY)]
    });
    for _ in 0..4 {
        let args = |path| ["--source-name", "cur", path, "--force"];
        [start(&costhost, &args(&old)), start(&costhost, &args(&new))].into_iter().for_each(succeed);
        let (lines, summary) = (costhost.sql(COUNTS), costhost.sql(SUMMARY));
        assert!(alone.iter().any(|[whole, _]| *whole == lines), "{lines:?}");
        assert!(alone.iter().any(|[_, whole]| *whole == summary), "{summary:?}");
        costhost.receipt(&[&new, "--source-name", "cur"]);
        assert_eq!([costhost.sql(COUNTS), costhost.sql(SUMMARY)], alone[1], "the next run settles it");
    }
}

/// A lake in a bucket of a real S3 server. Its keys are kept short: the server stores facts of an object in a file whose
/// name is longer than the key, and a file system ends at 255 bytes.
fn on_s3(server: &S3Server) -> Costhost {
    server.create_bucket("lakes").unwrap();
    let environment = server.environment();
    let variables: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Costhost::with_lake(super::PROGRAM, "s3://lakes", &variables)
}

#[test]
fn two_hosts_on_a_lake_in_s3() {
    let server = S3Server::start().unwrap();
    race(&on_s3(&server));
}

#[test]
fn a_commit_whose_reply_is_lost_is_neither_repeated_nor_missed() {
    let server = S3Server::start().unwrap();
    let costhost = on_s3(&server);
    for (part, times) in [("line_items/_delta_log", 1), ("daily_summary/_delta_log", 2), ("loads/_delta_log", 1)] {
        server.inject("PUT", part, Fault::LoseReply, times);
    }
    let bucket = costhost.folder().join("bucket");
    super::lifecycle::generate(&bucket, "2026-01..2026-02", 300, 5);
    let quiet = super::costhost();
    quiet.receipt(&[bucket.to_str().unwrap(), "--source-name", "a"]);
    costhost.receipt(&[bucket.to_str().unwrap(), "--source-name", "a"]);
    assert_eq!(server.pending_faults(), 0, "the replies were really lost");
    let loads = costhost.sql("select count(*) as n from loads");
    assert_eq!(loads[0]["n"].to_string().trim_matches('"'), "2");
    assert_eq!(costhost.sql(COUNTS), quiet.sql(COUNTS));
}

#[test]
fn reports_are_read_from_s3_and_a_wrong_password_says_so() {
    let server = S3Server::start().unwrap();
    for file in costhost_tests::bucket::files(costhost_tests::program::shared("aws/nise"), "") {
        let text = file.to_string_lossy();
        let key = text.split_once("/nise/").unwrap().1;
        server.put("billing", &format!("deliveries/{key}"), &std::fs::read(&file).unwrap()).unwrap();
    }
    let mut costhost = super::costhost();
    for (name, value) in server.environment() {
        costhost.set(&name, &value);
    }
    let receipt = costhost.receipt(&["s3://billing/deliveries", "--source-name", "prod"]);
    assert_eq!(receipt["rows"], 624 + 312);
    assert_eq!(receipt["periods"][0]["source"], "prod/111111111111-cur");
    let ended = costhost.run(&["s3://no-such-bucket/x"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("no-such-bucket"), "{}", ended.out);
    costhost.set("AWS_SECRET_ACCESS_KEY", "wrong");
    let ended = costhost.run(&["s3://billing/deliveries", "--source-name", "prod"]);
    assert_eq!(ended.code, 1);
    assert!(ended.out.contains("AWS_SECRET_ACCESS_KEY"), "{}\n{}", ended.out, ended.err);
}
