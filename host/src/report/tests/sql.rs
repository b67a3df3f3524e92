//! Free SQL.

use std::sync::Arc;

use super::{costs, text};
use crate::report::{FixedTables, Format, ReportError, run_sql, session};

fn tables(providers: &[&str]) -> datafusion::prelude::SessionContext {
    let mut tables = FixedTables::default();
    for provider in providers {
        tables.insert(provider, "daily", costs());
    }
    session(Arc::new(tables))
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

#[tokio::test]
async fn decimal_literals_are_exact() {
    let sql = "select count(*) as n from daily where unblended_cost = 1.000000000000000001";
    assert_eq!(csv(sql).await.unwrap(), "n\n1\n");
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
