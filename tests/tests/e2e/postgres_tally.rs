//! A provider that the host knows nothing of gets its tables, bills and rollups in PostgreSQL: every column of every
//! table, against SQL over the text of its files.

use std::fmt::Write as _;
use std::path::Path;

use costhost_bench::random::Random;
use costhost_tests::bucket::gzip;
use costhost_tests::postgres::Cluster;
use costhost_tests::program::plugin;
use costhost_tests::recomputed::{Bills, Recomputed};

const BILLS: Bills = Bills { table: "tally_bills", start: "period_start" };
const TABLES: [&str; 6] =
    ["tally_daily_costs", "tally_bills", "tally_label_keys", "tally_teams", "tally_data_costs", "tally_label_costs"];
const MONTHS: [&str; 3] = ["2025-10", "2025-11", "2025-12"];
const LINES: u64 = 400;

/// What cells may hold. Empty cells, names with quotes, commas and lines, and services that hold data by either rule.
const TEAMS: [(&str, &str); 5] =
    [("Blue", "Sales"), ("Rouge et Noir", "Ventes"), ("\"Quoted\", Inc.", "R&D"), ("No department", ""), ("", "")];
const PROJECTS: [&str; 5] = ["", "shop", "shop, two", "line\nbreak", "größe"];
const SERVICES: [&str; 8] = ["Warehouse", "Lake", "Lakehouse", "My DataBase", "DATABASE", "database-small", "Chat", ""];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
const LABELS: [&str; 5] =
    ["", "{}", r#"{"env": "prod", "app": "shop"}"#, r#"{"app":"shop","env":"prod"}"#, r#"{"env":"tést","size":10.50}"#];
/// The first two round half to even; the last two are no amounts, and the rows with them do not count.
const COSTS: [&str; 9] =
    ["1.0000000000000000005", "1.0000000000000000015", "12", "-0.25", "3E-7", "", ".5", "much", "1,5"];
const SEATS: [&str; 5] = ["", "1", "2.5", "0", "7"];

/// The report of a month, the same for the same month and round.
fn report(month: &str, round: u64) -> String {
    let seed = month.bytes().fold(round, |seed, byte| seed * 256 + u64::from(byte));
    let mut random = Random::new(&[seed]);
    let mut text = "day,team,department,project,service,seats,cost,currency,labels,invoice\n".to_owned();
    for line in 0..LINES {
        // Text of which the host has its own idea would be found wanting here: every cell is quoted as it must be.
        let mut cells =
            vec![if line % 50 == 7 { String::new() } else { format!("{month}-{:02}", 1 + random.below(28)) }];
        let mut pick = |from: &[&str]| random.pick(from).copied().unwrap_or_default().to_owned();
        let team = pick(&TEAMS.map(|(team, _)| team));
        let department = TEAMS.iter().find(|(name, _)| *name == team).map_or("", |(_, department)| department);
        cells.extend([team.clone(), department.to_owned(), pick(&PROJECTS), pick(&SERVICES), pick(&SEATS)]);
        cells.extend([pick(&COSTS), pick(&CURRENCIES), pick(&LABELS), format!("INV-{month}-{}", line % 3)]);
        let quoted: Vec<String> = cells.iter().map(|cell| quote(cell)).collect();
        writeln!(text, "{}", quoted.join(",")).unwrap();
    }
    text
}

fn quote(cell: &str) -> String {
    if cell.contains(['"', ',', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn deliver(folder: &Path, round: u64) {
    std::fs::create_dir_all(folder).unwrap();
    for month in MONTHS {
        gzip(&folder.join(format!("tally-{month}.csv.gz")), &report(month, round));
    }
}

fn recomputed<'a>(cluster: &'a Cluster, database: &str, folder: &Path, disabled: &[&str]) -> Recomputed<'a> {
    let recomputed = Recomputed::new(cluster, database, "public", "0");
    recomputed.disable_tag_keys(disabled);
    for month in MONTHS {
        recomputed.load(&format!("{month}-01"), &folder.join(format!("tally-{month}.csv.gz")));
    }
    recomputed.file("tally.sql");
    recomputed
}

fn assert_all_equal(recomputed: &Recomputed<'_>) {
    for table in TABLES {
        let compared = recomputed.compare(table, BILLS);
        assert!(compared.as_ref().is_ok_and(|rows| *rows > 0), "{table}: {}", compared.err().unwrap_or_default());
    }
}

#[test]
fn a_provider_nobody_knows_has_its_tables_bills_and_rollups() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let url = cluster.url(&database);
    let costhost = super::costhost();
    let folder = costhost.folder().join("tally");
    let tally = plugin("tally");
    let run = || {
        let ended = costhost.call(&["run", "--plugin", &tally, &folder.display().to_string(), "--postgres", &url]);
        assert_eq!(ended.code, 0, "{}\n{}", ended.err, ended.out);
    };
    deliver(&folder, 1);
    run();
    assert_all_equal(&recomputed(&cluster, &database, &folder, &[]));

    // A user names a team that reports do not place in a department: what was published gets its id.
    cluster.sql(&database, "INSERT INTO tally_teams (team, department) VALUES ('No department', 'Of the user')");
    run();
    let named = recomputed(&cluster, &database, &folder, &[]);
    assert_ne!(named.sql("SELECT count(*) FROM tally_daily_costs WHERE team = 'No department'"), "0");
    named.sql("INSERT INTO expected.tally_teams VALUES ('No department', 'Of the user')");
    assert_all_equal(&named);

    // Everything is delivered anew, and a key of labels has been disabled meanwhile.
    cluster.sql(&database, "UPDATE tally_label_keys SET enabled = false WHERE key = 'env'");
    deliver(&folder, 2);
    run();
    let anew = recomputed(&cluster, &database, &folder, &["env"]);
    anew.sql("INSERT INTO expected.tally_teams VALUES ('No department', 'Of the user')");
    assert_all_equal(&anew);
    assert_eq!(cluster.sql(&database, "SELECT count(*) FROM tally_daily_costs WHERE labels ? 'env'"), "0");

    // The third declared index of the daily costs is one that needs an extension; the others are always there.
    let indexes = "SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid \
                   WHERE relname = 'tally_daily_costs' AND relkind = 'p'";
    assert!(cluster.sql(&database, indexes).parse::<u32>().unwrap() >= 3);
    let partitions = "SELECT relid::regclass FROM pg_partition_tree('tally_daily_costs') WHERE isleaf ORDER BY relid::regclass::text";
    let expected = MONTHS.map(|month| format!("tally_daily_costs_{}", month.replace('-', "_"))).join("\n");
    assert_eq!(cluster.sql(&database, partitions), expected);
}
