//! What tables in a database should hold, recomputed there from the text of the reports by the SQL of `tests/expected/sql`,
//! and the comparison with what costhost published.
//!
//! Nothing of costhost takes part in it: psql loads the files and runs the statements.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::postgres::Cluster;

/// Columns that say where rows came from, when, or number them. There is nothing to recompute them from.
const HOST_COLUMNS: [&str; 8] = [
    "id",
    "source_uuid",
    "cost_entry_bill_id",
    "origin",
    "reported",
    "enabled",
    "summary_data_creation_datetime",
    "summary_data_updated_datetime",
];
/// Rows of the published table that are looked at for the one that comes nearest to an expected one.
const CANDIDATES: usize = 2_000;

/// A database with the schema `expected` beside that of a tenant.
#[derive(Debug)]
pub struct Recomputed<'a> {
    cluster: &'a Cluster,
    database: String,
    tenant: String,
}

/// A provider's table of bills, by which rows find their billing period.
#[derive(Debug, Clone, Copy)]
pub struct Bills {
    /// The table.
    pub table: &'static str,
    /// Its column with the start of the period.
    pub start: &'static str,
}

impl<'a> Recomputed<'a> {
    /// Begins in a database whose tenant has the schema `tenant`, without any report. The markup is exact decimal text.
    pub fn new(cluster: &'a Cluster, database: &str, tenant: &str, markup_percent: &str) -> Self {
        let this = Self { cluster, database: database.to_owned(), tenant: tenant.to_owned() };
        this.sql("DROP SCHEMA IF EXISTS expected CASCADE");
        this.file("exact.sql");
        this.sql(&format!("INSERT INTO expected.setting VALUES ({markup_percent}, NULL, '{{}}')"));
        this
    }

    /// Leaves these keys out of tags.
    pub fn disable_tag_keys(&self, keys: &[&str]) {
        let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
        self.sql(&format!("UPDATE expected.setting SET disabled_tag_keys = ARRAY[{}]::text[]", keys.join(", ")));
    }

    /// Loads a CSV file of the billing period that starts on this day, plain or gzipped, as the text that stands in it.
    pub fn load(&self, billing_period_start: &str, file: &Path) {
        let text = text_of(file);
        let header = csv::Reader::from_reader(text.as_slice()).headers().expect("a header").clone();
        let columns: Vec<String> = (0..header.len()).map(|at| format!("c{at}")).collect();
        let names: Vec<String> = header.iter().map(literal).collect();
        let declared: Vec<String> = columns.iter().map(|column| format!("{column} text")).collect();
        let statements = [
            format!("CREATE TEMPORARY TABLE one_file ({})", declared.join(", ")),
            // An empty field without quotes is null, one in quotes is an empty text; neither counts.
            "\\copy one_file FROM pstdin WITH (FORMAT csv, HEADER)".to_owned(),
            format!(
                "INSERT INTO expected.raw SELECT {}, jsonb_object(ARRAY[{}], ARRAY[{}]) FROM one_file",
                literal(billing_period_start),
                names.join(", "),
                columns.join(", ")
            ),
        ];
        let mut psql = self.cluster.psql(&self.database);
        psql.args(statements.iter().flat_map(|statement| ["-c", statement.as_str()]));
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().expect("psql can be run");
        let mut input = child.stdin.take().expect("its input is a pipe");
        // When psql gives up early, its words say more than the broken pipe.
        let sent = input.write_all(&text);
        drop(input);
        let ended = child.wait_with_output().expect("psql ends");
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && sent.is_ok(), "{} cannot be loaded: {words}", file.display());
    }

    /// Runs a file of `tests/expected/sql`. Tables of the tenant can be named without their schema.
    pub fn file(&self, name: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("expected/sql").join(name);
        let path = format!("SET search_path = expected, {}", quoted(&self.tenant));
        let mut psql = self.cluster.psql(&self.database);
        psql.args([OsStr::new("-c"), OsStr::new(&path), OsStr::new("-f"), file.as_os_str()]);
        let ended = psql.output().expect("psql can be run");
        assert!(ended.status.success(), "{name}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// What statements print.
    pub fn sql(&self, statements: &str) -> String {
        self.cluster.sql(&self.database, statements)
    }

    /// Compares every column of every row of a table with what was recomputed, in both directions, and returns how many
    /// rows there are.
    ///
    /// # Errors
    /// What differs: the columns, or how many rows, and in which columns the first of them.
    pub fn compare(&self, table: &str, bills: Bills) -> Result<u64, String> {
        let expected = self.columns("expected", table);
        let mut published = self.columns(&self.tenant, table);
        let has_bill = published.contains_key("cost_entry_bill_id");
        published.retain(|name, _| !HOST_COLUMNS.contains(&name.as_str()));
        if has_bill {
            // Found by the bill that a row points at; a row without one is no row.
            published.insert("billing_period_start".to_owned(), "date".to_owned());
        }
        if expected != published || expected.is_empty() {
            return Err(format!("{table} has the columns\n  {published:?}\nand should have\n  {expected:?}"));
        }
        let found = self.sql(&self.comparison(table, &expected, has_bill.then_some(bills)));
        let found: Value = serde_json::from_str(&found).expect("the comparison is JSON");
        let count = |name: &str| found.get(name).and_then(Value::as_u64).expect("a count");
        if count("missing") == 0 && count("extra") == 0 {
            return Ok(count("expected"));
        }
        Err(format!(
            "{table} has {} rows and should have {}: {} are missing, {} are not expected\n{}",
            count("published"),
            count("expected"),
            count("missing"),
            count("extra"),
            first_difference(&found)
        ))
    }

    /// One statement that compares, whose result is one JSON object. Values in it are text, so that no digit is lost.
    fn comparison(&self, table: &str, kinds: &BTreeMap<String, String>, bills: Option<Bills>) -> String {
        let columns: Vec<String> = kinds.keys().map(|column| quoted(column)).collect();
        let (list, tenant, name) = (columns.join(", "), quoted(&self.tenant), quoted(table));
        let published = match bills {
            None => format!("SELECT {list} FROM {tenant}.{name}"),
            Some(Bills { table, start }) => format!(
                "SELECT {list} FROM (SELECT looking.*, (bill.{start} AT TIME ZONE 'UTC')::date AS billing_period_start \
                 FROM {tenant}.{name} AS looking JOIN {tenant}.{table} AS bill \
                 ON bill.id = looking.cost_entry_bill_id AND bill.source_uuid = looking.source_uuid) AS of_bill"
            ),
        };
        let names: Vec<String> = kinds.keys().map(|column| literal(column)).collect();
        // Numbers that are equal are to look equal, whatever zeros they end in.
        let texts = columns.iter().zip(kinds.values()).map(|(column, kind)| match kind.as_str() {
            "numeric" => format!("trim_scale({column})::text"),
            _ => format!("{column}::text"),
        });
        let texts: Vec<String> = texts.collect();
        let row = format!("jsonb_object(ARRAY[{}], ARRAY[{}])", names.join(", "), texts.join(", "));
        format!(
            "WITH expected AS MATERIALIZED (SELECT {list} FROM expected.{name}), published AS MATERIALIZED ({published}), \
             missing AS MATERIALIZED (TABLE expected EXCEPT ALL TABLE published), \
             extra AS MATERIALIZED (TABLE published EXCEPT ALL TABLE expected) \
             SELECT jsonb_build_object('expected', (SELECT count(*) FROM expected), \
             'published', (SELECT count(*) FROM published), \
             'missing', (SELECT count(*) FROM missing), 'extra', (SELECT count(*) FROM extra), \
             'first', (SELECT {row} FROM missing ORDER BY missing::text LIMIT 1), \
             'candidates', (SELECT jsonb_agg(candidate) FROM (SELECT {row} AS candidate FROM extra \
             ORDER BY extra::text LIMIT {CANDIDATES}) AS few))"
        )
    }

    /// The columns of a table with their types.
    fn columns(&self, schema: &str, table: &str) -> BTreeMap<String, String> {
        let columns = self.sql(&format!(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = {} AND table_name = {}",
            literal(schema),
            literal(table)
        ));
        let split = |line: &str| line.split_once('|').map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        columns.lines().filter_map(split).collect()
    }
}

/// The first row that is missing, beside the row that was published in its place: the one that has most in common.
fn first_difference(found: &Value) -> String {
    let empty = Vec::new();
    let candidates = found.get("candidates").and_then(Value::as_array).unwrap_or(&empty);
    let Some(first) = found.get("first").and_then(Value::as_object) else {
        return format!("the first that is not expected: {}", candidates.first().unwrap_or(&Value::Null));
    };
    let common = |row: &Value| first.iter().filter(|(name, value)| row.get(name.as_str()) == Some(*value)).count();
    let Some(nearest) = candidates.iter().max_by_key(|row| common(row)) else {
        return format!("the first that is missing: {}", Value::Object(first.clone()));
    };
    let mut lines = vec!["the first that is missing and the nearest of the others differ in".to_owned()];
    for (name, value) in first {
        let other = nearest.get(name).unwrap_or(&Value::Null);
        if other != value {
            lines.push(format!("  {name}: {value} is expected, {other} was published"));
        }
    }
    lines.push(format!("the row: {}", Value::Object(first.clone())));
    lines.join("\n")
}

fn text_of(file: &Path) -> Vec<u8> {
    let open = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut text = Vec::new();
    let read = if file.extension().is_some_and(|end| end == "gz") {
        flate2::read::MultiGzDecoder::new(open).read_to_end(&mut text)
    } else {
        let mut open = open;
        open.read_to_end(&mut text)
    };
    read.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
