//! Killed at random moments, a run never leaves readers with half, doubled or lost data, and the next run finishes it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use costhost_tests::program::{Costhost, plugin};
use serde_json::Value;

/// Rows and money of each table and month.
const STATE: &str = "select 'lines' as t, month, count(*) as n, sum(line_item_unblended_cost) as cost from line_items \
                     group by 1, 2 union all select 'summary', month, count(*), sum(unblended_cost) from \
                     reporting_awscostentrylineitem_daily_summary group by 1, 2 order by 1, 2";
const ROUNDS: u32 = 50;
const MONTHS: &str = "2026-01..2026-02";

/// Two deliveries of the same months, which rounds load in turn.
struct Deliveries {
    folders: [String; 2],
    /// What a lake holds after each was loaded in peace.
    states: [Vec<Value>; 2],
    /// How long that takes when the plugin is compiled.
    duration: Duration,
}

impl Deliveries {
    fn new(scratch: &Costhost) -> Self {
        let mut duration = Duration::ZERO;
        let [a, b] = [1_500, 1_800].map(|rows| {
            let folder = scratch.folder().join(format!("delivery-{rows}/cur"));
            super::lifecycle::generate(&folder, MONTHS, rows, 1);
            let folder = folder.display().to_string();
            let peaceful = super::costhost();
            let started = Instant::now();
            peaceful.receipt(&[&folder, "--source-name", "cur"]);
            duration = started.elapsed();
            (folder, peaceful.sql(STATE))
        });
        Self { folders: [a.0, b.0], states: [a.1, b.1], duration }
    }

    /// Whether each table and month is whole: exactly as one of the two deliveries has it.
    fn assert_whole(&self, state: &[Value], round: u32) {
        for row in state {
            let whole = self.states.iter().any(|delivery| delivery.contains(row));
            assert!(whole, "round {round}: half, doubled or mixed: {row}\nof {state:?}");
        }
        let tables =
            |rows: &[Value]| rows.iter().map(|row| (row["t"].clone(), row["month"].clone())).collect::<Vec<_>>();
        assert_eq!(tables(state), tables(&self.states[0]), "round {round}: something loaded before is lost");
    }
}

/// A fixed sequence that looks random: a failure can be run again.
fn pseudo_random(round: u32) -> f64 {
    let mixed = (u64::from(round) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1_u32 << 24)
}

#[test]
fn fifty_kills_at_random_moments_lose_and_double_nothing() {
    let costhost = super::costhost();
    let deliveries = Deliveries::new(&costhost);
    costhost.receipt(&[&deliveries.folders[0], "--source-name", "cur"]);
    let plugin = plugin("aws-cur");
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let delivery = &deliveries.folders[usize::from(round % 2 == 0)];
        let args = ["run", "--plugin", &plugin, delivery, "--source-name", "cur", "--force"];
        let mut child =
            costhost.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(deliveries.duration.mul_f64(pseudo_random(round) * 1.1));
        let finished = child.try_wait().expect("a child").is_some();
        interrupted += u32::from(!finished);
        child.kill().expect("to kill");
        child.wait().expect("to wait");
        deliveries.assert_whole(&costhost.sql(STATE), round);
    }
    assert!(interrupted > ROUNDS / 3, "only {interrupted} of {ROUNDS} runs were really interrupted");
    for (folder, state) in deliveries.folders.iter().zip(&deliveries.states) {
        costhost.receipt(&[folder, "--source-name", "cur"]);
        assert_eq!(&costhost.sql(STATE), state, "the next run finishes the work");
        let again = costhost.receipt(&[folder, "--source-name", "cur"]);
        let statuses = again["periods"].as_array().unwrap().iter().map(|period| &period["status"]);
        assert_eq!(statuses.collect::<Vec<_>>(), ["unchanged", "unchanged"], "and leaves nothing to do");
    }
}
