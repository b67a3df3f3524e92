//! Free SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::{costs, text};
use crate::report::{FixedTables, Format, ReportError, TableSource, run_sql, session};

fn tables(providers: &[&str]) -> datafusion::prelude::SessionContext {
    let mut tables = FixedTables::default();
    for provider in providers {
        tables.insert(provider, "daily", costs());
    }
    session(Arc::new(tables)).unwrap()
}

async fn csv(sql: &str) -> Result<String, ReportError> {
    Ok(text(&run_sql(&tables(&["aws"]), sql).await?, Format::Csv))
}

#[tokio::test]
async fn tables_have_short_and_long_names() {
    let count = "count(*)\n7\n";
    assert_eq!(csv("select count(*) from daily").await.unwrap(), count);
    assert_eq!(csv("select count(*) from aws.daily").await.unwrap(), count);
    let both = tables(&["aws", "azure"]);
    assert!(run_sql(&both, "select count(*) from azure.daily").await.is_ok());
    let error = run_sql(&both, "select * from daily").await.unwrap_err();
    assert!(error.is_usage());
    assert!(error.to_string().contains("aws.daily, azure.daily"), "{error}");
    assert!(
        text(&run_sql(&both, "show tables").await.unwrap(), Format::Csv).contains("costhost,azure,daily,BASE TABLE")
    );
}

/// A lake whose table is listed but cannot be opened.
#[derive(Debug)]
struct Broken;

#[async_trait::async_trait]
impl TableSource for Broken {
    fn tables(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([("aws".to_owned(), vec!["daily".to_owned()])])
    }

    async fn open(&self, _: &str, _: &str) -> Result<Arc<dyn TableProvider>, Box<dyn std::error::Error + Send + Sync>> {
        Err("the disk is gone".into())
    }
}

#[tokio::test]
async fn tables_are_opened_only_when_they_are_named() {
    let ctx = session(Arc::new(Broken)).unwrap();
    assert!(run_sql(&ctx, "show tables").await.is_ok());
    let error = run_sql(&ctx, "select * from daily").await.unwrap_err();
    assert!(!error.is_usage());
    assert_eq!(error.to_string(), "cannot open table `aws.daily`");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is gone");
}

#[tokio::test]
async fn decimal_literals_are_exact() {
    let sql = "select count(*) as n from daily where unblended_cost = 1.000000000000000001";
    assert_eq!(csv(sql).await.unwrap(), "n\n1\n");
}

/// Thirty times 9 x 10^19 is past what 38 digits hold.
#[tokio::test]
async fn sums_do_not_wrap() {
    let large = "(select cast('90000000000000000000' as decimal(38, 18)) as x, value as n from range(30))";
    let sum = "2700000000000000000000";
    assert_eq!(csv(&format!("select sum(x) from {large} t")).await.unwrap(), format!("sum(t.x)\n{sum}\n"));
    let nested =
        format!("select s, a from (select sum(x) + 1 as s, avg(x) as a from {large} t where n >= 0) u where s > 2");
    assert_eq!(csv(&nested).await.unwrap(), "s,a\n2700000000000000000001,90000000000000000000\n");
    let window = format!("select sum(x) over (order by n) as s from {large} t order by n desc limit 1");
    assert_eq!(csv(&window).await.unwrap(), format!("s\n{sum}\n"));
    let grouped =
        format!("select n % 2 as even, sum(x) as s from {large} t group by 1 having sum(x) > 0 order by sum(x), 1");
    assert_eq!(csv(&grouped).await.unwrap(), "even,s\n0,1350000000000000000000\n1,1350000000000000000000\n");
}

#[tokio::test]
async fn tags_are_reached() {
    let sql = "select json_get_text(tags, 'app') as app, count(*) as n from daily group by 1 order by 1 nulls last";
    assert_eq!(csv(sql).await.unwrap(), "app,n\ndb,1\nweb,2\n,4\n");
    let map = "select json_get_text(map {'a': 'x', 'b': null}, 'a') as a, json_get_text(map {'b': 'y'}, 'a') as b";
    assert_eq!(csv(map).await.unwrap(), "a,b\nx,\n");
}

#[tokio::test]
async fn all_kinds_of_values_are_written() {
    let sql = "select 1 as n, 1.50 as d, true as b, null as z, 'a\"b,c' as t, date '2025-11-01' as day, \
               timestamp '2025-11-01 10:00:00.5' as ts, [1, 2] as list, map {'k': 'v'} as m, \
               arrow_cast('x', 'Dictionary(Int8, Utf8)') as dict, 1.5e0 as f";
    let answer = run_sql(&tables(&["aws"]), sql).await.unwrap();
    assert_eq!(
        text(&answer, Format::Json),
        "[\n  {\"n\":1,\"d\":\"1.5\",\"b\":true,\"z\":null,\"t\":\"a\\\"b,c\",\"day\":\"2025-11-01\",\
         \"ts\":\"2025-11-01T10:00:00.500\",\"list\":[1,2],\"m\":{\"k\":\"v\"},\"dict\":\"x\",\"f\":\"1.5\"}\n]\n"
    );
    assert_eq!(
        text(&answer, Format::Csv),
        "n,d,b,z,t,day,ts,list,m,dict,f\n\
         1,1.5,true,,\"a\"\"b,c\",2025-11-01,2025-11-01T10:00:00.500,\"[1,2]\",\"{\"\"k\"\":\"\"v\"\"}\",x,1.5\n"
    );
    let table = text(&answer, Format::Table);
    assert!(table.contains("(none)") || table.contains(" - "), "{table}");
}

#[tokio::test]
async fn whatever_writes_is_refused() {
    let file = std::env::temp_dir().join(format!("costhost-sql-{}.csv", std::process::id()));
    for sql in [
        "create table x as select 1".to_owned(),
        "create view x as select 1".to_owned(),
        "drop table daily".to_owned(),
        "insert into daily select * from daily".to_owned(),
        "delete from daily".to_owned(),
        format!("copy (select 1) to '{}'", file.display()),
        "create external table x stored as parquet location '/'".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
        "prepare p as select 1".to_owned(),
        "explain analyze insert into daily select * from daily".to_owned(),
    ] {
        let error = run_sql(&tables(&["aws"]), &sql).await.unwrap_err();
        assert!(error.is_usage(), "{sql}: {error}");
    }
    assert!(!file.exists());
    let error = run_sql(&tables(&["aws"]), "drop table daily").await.unwrap_err();
    assert!(error.to_string().contains("only reads: DropTable is refused"), "{error}");
    assert!(csv("select 1; select 2").await.is_err());
    assert!(csv("select * from '/etc/passwd'").await.is_err());
}
