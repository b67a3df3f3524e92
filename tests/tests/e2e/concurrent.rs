//! Two hosts on one lake at once lose and double nothing.

use std::process::{Child, Stdio};

use costhost_tests::program::{Costhost, plugin};

const COUNTS: &str =
    "select source, month, count(*) as n, sum(line_item_unblended_cost) as cost from line_items group by 1, 2 order by 1, 2";
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
            super::lifecycle::generate(path.as_ref(), "2026-01..2026-02", 300 + round * 10, round * 2 + u64::from(name == "b"));
        }
        let quiet = super::costhost();
        quiet.receipt(&[&a, "--source-name", "a"]);
        quiet.receipt(&[&b, "--source-name", "b"]);

        let same = [start(costhost, &[&a, "--source-name", "a"]), start(costhost, &[&a, "--source-name", "a"])];
        same.map(succeed);
        let args = |path, name| ["--source-name", name, path, "--force"];
        let different = [start(costhost, &args(&a, "a")), start(costhost, &args(&b, "b"))];
        different.map(succeed);
        assert_eq!(costhost.sql(COUNTS), quiet.sql(COUNTS), "round {round}");
        assert_eq!(costhost.sql(SUMMARY), quiet.sql(SUMMARY), "round {round}");
    }
}

#[test]
fn two_hosts_on_a_local_lake() {
    race(&super::costhost());
}
