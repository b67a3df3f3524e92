//! Declared reports.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::datasource::MemTable;
use datafusion::prelude::{ParquetReadOptions, SessionContext};

use super::{ONE, ROWS, costs, costs_of, definition, text};
use crate::plugin::manifest::Condition;
use crate::report::{Answer, Format, ReportError, ReportQuery, Resolution, parse_from, parse_to, run_report};

async fn ask(query: ReportQuery) -> Result<Answer, ReportError> {
    run_report(&SessionContext::new(), costs(), &definition(), &query).await
}

async fn csv(query: ReportQuery) -> String {
    text(&ask(query).await.unwrap(), Format::Csv)
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn filtered(filters: &[&str]) -> ReportQuery {
    ReportQuery { filters: filters.iter().map(|filter| filter.parse().unwrap()).collect(), ..ReportQuery::default() }
}

#[tokio::test]
async fn currencies_stay_apart_and_sums_are_exact() {
    assert_eq!(csv(ReportQuery::default()).await, "currency,cost\nEUR,3.5\nUSD,7.881000000000000001\n");
}

#[tokio::test]
async fn sums_past_ten_to_the_twentieth_do_not_wrap() {
    let mut large = ROWS[0];
    large.5 = 9 * 10_i128.pow(37) + 1;
    let answer =
        run_report(&SessionContext::new(), costs_of(&[large; 5]), &definition(), &ReportQuery::default()).await;
    let answer = answer.unwrap();
    let sum = "450000000000000000000.000000000000000005";
    assert_eq!(text(&answer, Format::Csv), format!("currency,cost\nUSD,{sum}\n"));
    assert_eq!(answer.totals, [[Some("USD".to_owned()), Some(sum.to_owned())]]);
    assert!(text(&answer, Format::Table).contains(" 450000000000000000000.00"));
}

#[tokio::test]
async fn groups_by_dimension_with_missing_values() {
    let query = ReportQuery { group_by: names(&["service"]), ..ReportQuery::default() };
    let answer = ask(query).await.unwrap();
    assert_eq!(
        text(&answer, Format::Csv),
        "service,currency,cost\nAmazonEC2,EUR,3.5\n,USD,5\nAmazonEC2,USD,3.000000000000000001\n\
         it's; DROP TABLE x --,USD,0.005\nAmazonS3,USD,-0.124\n"
    );
    assert_eq!(
        text(&answer, Format::Json).lines().nth(2).unwrap(),
        r#"  {"service":null,"currency":"USD","cost":"5"},"#
    );
    let golden = "\
──────────────────────────────────────────
 service                 currency    cost
══════════════════════════════════════════
 AmazonEC2               EUR         3.50
 (none)                  USD         5.00
 AmazonEC2               USD         3.00
 it's; DROP TABLE x --   USD         0.00
 AmazonS3                USD        -0.12

 total                   EUR         3.50
 total                   USD         7.88
──────────────────────────────────────────
";
    assert_eq!(text(&answer, Format::Table), golden);
}

#[tokio::test]
async fn daily_and_monthly_rows_of_a_span() {
    let query = ReportQuery {
        resolution: Resolution::Daily,
        from: Some(parse_from("2025-11-02").unwrap()),
        to: Some(parse_to("2025-11-30").unwrap()),
        ..ReportQuery::default()
    };
    let daily = "date,currency,cost\n2025-11-02,USD,4.875\n2025-11-03,EUR,3.5\n2025-11-30,USD,0.005\n";
    assert_eq!(csv(query.clone()).await, daily);
    let query = ReportQuery { resolution: Resolution::Monthly, from: None, to: None, ..query };
    let monthly = "month,currency,cost\n2025-11,EUR,3.5\n2025-11,USD,7.880000000000000001\n2025-12,USD,0.001\n";
    assert_eq!(csv(query.clone()).await, monthly);
    let query = ReportQuery { to: Some(parse_to("2025-11").unwrap()), ..query };
    assert_eq!(csv(query).await, &monthly[..monthly.find("2025-12").unwrap()]);
}

/// Parquet gives text views where memory gives plain text.
#[tokio::test]
async fn parquet_answers_as_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daily.parquet").to_string_lossy().into_owned();
    let ctx = SessionContext::new();
    ctx.read_table(costs()).unwrap().write_parquet(&path, DataFrameWriteOptions::new(), None).await.unwrap();
    ctx.register_parquet("daily", &path, ParquetReadOptions::default()).await.unwrap();
    let table = ctx.table_provider("daily").await.unwrap();
    let text_type = table.schema().field_with_name("product_code").unwrap().data_type().clone();
    assert_eq!(text_type, DataType::Utf8View);
    let query = ReportQuery {
        group_by: names(&["service", "region", "tag:app"]),
        measures: names(&["cost", "usage", "resources"]),
        resolution: Resolution::Daily,
        ..filtered(&["service!=nothing", "tag:app!=db"])
    };
    let answer = run_report(&ctx, table, &definition(), &query).await.unwrap();
    assert_eq!(answer.row_count, 6);
    assert_eq!(text(&answer, Format::Json), text(&ask(query).await.unwrap(), Format::Json));
}

/// The last day is in to its last microsecond, whatever type the time column has.
#[tokio::test]
async fn instants_belong_to_their_utc_day() {
    let (last, next) = (1_764_547_199_999_999, 1_764_547_200_000_000);
    let times = TimestampMicrosecondArray::from(vec![last, next, next]).with_timezone("UTC");
    let currencies = StringArray::from(vec!["USD"; 3]);
    let amounts = Decimal128Array::from(vec![1, 10, 100]).with_precision_and_scale(38, 18).unwrap();
    let columns: [(&str, ArrayRef); 3] = [
        ("usage_start", Arc::new(times)),
        ("currency_code", Arc::new(currencies)),
        ("unblended_cost", Arc::new(amounts)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let table = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap());
    let query = ReportQuery { resolution: Resolution::Daily, ..ReportQuery::default() };
    for (from, to, rows) in [
        (None, Some("2025-11-30"), "2025-11-30,USD,0.000000000000000001\n"),
        (Some("2025-12-01"), None, "2025-12-01,USD,0.00000000000000011\n"),
        (Some("2025-12-01"), Some("2025-11-30"), ""),
    ] {
        let day = |text: Option<&str>| text.map(|text| parse_to(text).unwrap());
        let query = ReportQuery { from: day(from), to: day(to), ..query.clone() };
        let answer =
            run_report(&SessionContext::new(), Arc::<MemTable>::clone(&table), &definition(), &query).await.unwrap();
        assert_eq!(text(&answer, Format::Csv), format!("date,currency,cost\n{rows}"));
    }
}

#[tokio::test]
async fn filters_keep_and_leave_out() {
    for (filters, usd) in [
        (vec!["service=AmazonEC2"], "3.000000000000000001"),
        (vec!["service=AmazonEC2,AmazonS3"], "2.876000000000000001"),
        (vec!["service!=AmazonEC2"], "4.881"),
        (vec!["service="], "5"),
        (vec!["service=(none)"], "5"),
        (vec!["service!=AmazonEC2,"], "-0.119"),
        (vec!["tag:app=web"], "1.000000000000000001"),
        (vec!["tag:app=web,db", "region!=us-east-1"], "2"),
        (vec!["tag:n=2"], "2"),
        (vec!["tag:a\"'b=q"], "0.005"),
        (vec!["service=it's; DROP TABLE x --"], "0.005"),
    ] {
        let answer = csv(ReportQuery { group_by: Vec::new(), ..filtered(&filters) }).await;
        assert!(answer.ends_with(&format!("USD,{usd}\n")), "{filters:?}: {answer}");
    }
    for nothing in ["service=' OR 1=1 --", "service=AmazonEC2' OR ''='", "tag:app' OR '1'='1=web"] {
        assert_eq!(csv(filtered(&[nothing])).await, "currency,cost\n", "{nothing}");
    }
}

#[tokio::test]
async fn groups_by_tag() {
    let query = ReportQuery { group_by: names(&["tag:app"]), ..ReportQuery::default() };
    assert_eq!(
        csv(query).await,
        "tag:app,currency,cost\nweb,EUR,3.5\n,USD,4.881\ndb,USD,2\nweb,USD,1.000000000000000001\n"
    );
}

#[tokio::test]
async fn measures_other_than_money() {
    let query = ReportQuery {
        group_by: names(&["service"]),
        measures: names(&["usage", "resources", "highest", "services"]),
        ..filtered(&["service=AmazonEC2,AmazonS3", "region=us-east-1,eu-west-1"])
    };
    assert_eq!(
        csv(query).await,
        "service,unit,currency,usage,resources,highest,services\n\
         AmazonS3,GB-Mo,USD,1.333333333333333333,0,0.001,1\n\
         AmazonEC2,Hrs,EUR,1,1,3.5,1\n\
         AmazonEC2,Hrs,USD,2,2,2,1\n"
    );
}

#[tokio::test]
async fn sorts_and_limits_but_totals_count_all() {
    let query = ReportQuery {
        group_by: names(&["service"]),
        order_by: vec!["cost:asc".parse().unwrap()],
        limit: Some(2),
        ..filtered(&["service!=x"])
    };
    let answer = ask(query).await.unwrap();
    assert_eq!(
        text(&answer, Format::Csv),
        "service,currency,cost\nAmazonS3,USD,-0.124\nit's; DROP TABLE x --,USD,0.005\n"
    );
    assert_eq!(answer.row_count, 5);
    let table = text(&answer, Format::Table);
    assert!(table.ends_with("2 of 5 rows; totals are of all\n"), "{table}");
    assert!(table.contains("7.88"), "{table}");
}

#[tokio::test]
async fn the_reports_own_conditions_always_hold() {
    let mut report = definition();
    report.clauses = vec![
        vec![Condition::NotNull("product_code".to_owned())],
        vec![
            Condition::OneOf("region".to_owned(), names(&["nowhere"])),
            Condition::OneOf("region".to_owned(), names(&["us-east-1"])),
        ],
        vec![Condition::Contains("product_code".to_owned(), "on".to_owned())],
        vec![Condition::ContainsInAnyCase("product_code".to_owned(), "ON".to_owned())],
    ];
    let answer = run_report(&SessionContext::new(), costs(), &report, &ReportQuery::default()).await.unwrap();
    assert_eq!(text(&answer, Format::Csv), "currency,cost\nEUR,3.5\nUSD,0.876000000000000001\n");
}

#[tokio::test]
async fn unknown_names_are_refused_with_those_there_are() {
    let bad = [
        (ReportQuery { group_by: names(&["product_code"]), ..ReportQuery::default() }, "service, region, tag:<key>"),
        (ReportQuery { measures: names(&["cost; DROP"]), ..ReportQuery::default() }, "cost, highest, usage"),
        (ReportQuery { order_by: vec!["region".parse().unwrap()], ..ReportQuery::default() }, "currency, cost"),
        (filtered(&["\"service\"=1"]), "service, region, tag:<key>"),
    ];
    for (query, known) in bad {
        let error = ask(query).await.unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains(known), "{error}");
    }
    let mut report = definition();
    report.time = "missing".to_owned();
    let error = run_report(&SessionContext::new(), costs(), &report, &ReportQuery::default()).await.unwrap_err();
    assert!(!error.is_usage() && error.to_string().contains("`missing`"), "{error}");
}

#[test]
fn options_are_read() {
    let filter: crate::report::Filter = r"service!=a\,b,c=d".parse().unwrap();
    assert_eq!((filter.exclude, filter.values), (true, names(&["a,b", "c=d"])));
    assert_eq!(parse_to("2024-02").unwrap().to_string(), "2024-02-29");
    assert_eq!(parse_to("2025-12").unwrap().to_string(), "2025-12-31");
    assert_eq!(parse_from("2025-12").unwrap().to_string(), "2025-12-01");
    for bad in ["2025", "2025-13", "2025-1-01", "today", ""] {
        assert!(parse_from(bad).is_err() && parse_to(bad).is_err(), "{bad}");
    }
    assert!("service".parse::<crate::report::Filter>().is_err());
    assert!("=x".parse::<crate::report::Filter>().is_err());
    assert_eq!(ONE, 10_i128.pow(18));
}
