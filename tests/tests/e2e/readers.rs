//! Programs that are not ours read the lake.

use costhost_tests::program::{ended, python, shared};

#[test]
fn python_deltalake_reads_the_exact_total() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/cur1-parquet"), "--source-name", "aws"]);
    let script = "
import sys, decimal, deltalake
table = deltalake.DeltaTable(sys.argv[1]).to_pyarrow_table(columns=['line_item_unblended_cost', 'source', 'year', 'month'])
assert set(table['year'].to_pylist()) == {'2018'} and set(table['month'].to_pylist()) == {'10'}
print(table.num_rows, sum(table['line_item_unblended_cost'].to_pylist(), decimal.Decimal(0)).normalize())
";
    let table = format!("{}/default/aws/line_items", costhost.lake());
    let ended = ended(python().args(["-c", script, &table]));
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.out.trim(), "119307 4064.4831315379");
}

#[test]
fn duckdb_polars_and_pyarrow_read_every_value_alike() {
    let costhost = super::costhost();
    costhost.receipt(&[&shared("aws/nise"), "--source-name", "aws"]);
    let script = format!("{}/read_back.py", env!("CARGO_MANIFEST_DIR"));
    let ended = ended(python().args([&script, costhost.lake()]));
    assert_eq!(ended.code, 0, "{}", ended.err);
    let counts: Vec<u64> = ended.out.split_whitespace().map(|count| count.parse().unwrap()).collect();
    let [files, rows, values] = counts[..] else { panic!("{}", ended.out) };
    assert!(files >= 15 && rows > 500 && values > 20 * rows, "{counts:?}");
}
