//! Users and servers that do not let us: errors say what to do, and show no password.

use arrow::array::{ArrayRef, Date32Array};
use costhost::postgres::{Database, UnitRows};
use std::sync::Arc;

use crate::shop::{JANUARY, ONE, Place, definition, publish, rows, unit, with};

async fn refused(url: &str) -> String {
    Database::connect(url, "default").await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_refused() {
    let place = Place::empty().await;
    let wrong = refused(&place.cluster.url_as("guarded:sesame", &place.name)).await;
    assert!(wrong.contains("SQLSTATE 28P01") && wrong.contains("see the password in the address"), "{wrong}");
    assert!(wrong.contains("guarded@") && !wrong.contains("sesame"), "{wrong}");
    let right = Database::connect(&place.cluster.url_as("guarded:right", &place.name), "default").await.unwrap();
    assert!(!format!("{right:?}").contains("right"), "{right:?}");

    let unknown = refused(&place.cluster.url("nowhere")).await;
    assert!(unknown.contains("SQLSTATE 3D000") && unknown.contains("create the database first"), "{unknown}");
    let nobody = refused(&place.cluster.url_as("stranger", &place.name)).await;
    assert!(nobody.contains("SQLSTATE 28000") && nobody.contains("see the user in the address"), "{nobody}");
    let away = refused("postgres://user:sesame@127.0.0.1:1/db").await;
    assert!(away.contains("the connection broke") && away.contains("see that the server runs"), "{away}");
    for address in
        ["mysql://user:sesame@host/db", "postgres://user:sesame@host:port/db", "postgres://u:sesame@h/d?sslmode=sesame"]
    {
        let error = refused(address).await;
        assert!(error.contains("the database's address cannot be used") && !error.contains("sesame"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_user_is_told_so() {
    let place = Place::new().await;
    publish(&place.database, &unit("north", 1), rows("l1", JANUARY, 31, ONE)).await;
    place.sql(&format!(
        "DROP ROLE IF EXISTS reader_{0}; CREATE ROLE reader_{0} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{0}",
        place.name
    ));
    let reader =
        Database::connect(&place.cluster.url_as(&format!("reader_{}", place.name), &place.name), "default").await;
    let reader = reader.unwrap();
    // Nothing is to be migrated, and reading is allowed.
    assert!(!reader.migrate(&definition()).await.unwrap().looked);
    assert_eq!(reader.publications("shop").await.unwrap().len(), 1);
    let again = rows("l2", JANUARY, 10, ONE);
    let read = || async { Ok::<UnitRows, std::convert::Infallible>(again.clone()) };
    let error = reader.publish(&definition(), &unit("north", 1), read).await.unwrap_err().to_string();
    assert!(error.contains("permission denied") && error.contains("GRANT"), "{error}");
    let error = reader.check(&definition()).await.unwrap_err().to_string();
    assert!(error.contains("SQLSTATE 42501") && error.contains("GRANT"), "{error}");

    place.sql(&format!("ALTER ROLE costhost IN DATABASE {} SET default_transaction_read_only = on", place.name));
    let error = place.another().await.publish(&definition(), &unit("north", 1), read).await.unwrap_err().to_string();
    assert!(error.contains("SQLSTATE 25006") && error.contains("read-only"), "{error}");
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_says_what_to_run() {
    let place = Place::empty().await;
    let empty = rows("l1", JANUARY, 0, ONE);
    let read = || async { Ok::<UnitRows, std::convert::Infallible>(empty.clone()) };
    let error = place.database.publish(&definition(), &unit("north", 1), read).await.unwrap_err().to_string();
    assert!(error.contains("run `costhost db migrate`"), "{error}");
    assert_eq!(place.database.publications("shop").await.unwrap(), []);
    assert_eq!(place.database.disabled_tag_keys(&definition()).await.unwrap(), [""; 0]);
    assert_eq!(place.database.definitions().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_dates_make_no_partitions() {
    let place = Place::new().await;
    let with_days = |days: Vec<Option<i32>>| {
        let days: ArrayRef = Arc::new(Date32Array::from(days));
        let empty = UnitRows { tables: vec![], ..rows("l1", JANUARY, 0, ONE) };
        with(empty, "shop_daily", &[("day", days)])
    };
    let many: Vec<Option<i32>> = (0..241).map(|month| Some(JANUARY + month * 31)).collect();
    for (days, want) in [
        (many, "table shop_daily has rows of 241 months from 2025-01 to 2045-05; at most 240"),
        (vec![Some(JANUARY), None], "table shop_daily, column day: a row has no date"),
        (vec![Some(i32::MAX)], "table shop_daily, column day: day 2147483647 since 1970 is not in the years 1 to 9998"),
    ] {
        let rows = with_days(days);
        let read = || async { Ok::<UnitRows, std::convert::Infallible>(rows.clone()) };
        let error = place.database.publish(&definition(), &unit("north", 1), read).await.unwrap_err().to_string();
        assert!(error.starts_with(want), "{error}");
    }
    assert_eq!(place.sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop_daily'::regclass"), "0");
    let unknown = with(rows("l", JANUARY, 1, ONE), "elsewhere", &[("a", crate::shop::texts(&["x"]))]);
    let read = || async { Ok::<UnitRows, std::convert::Infallible>(unknown.clone()) };
    let error = place.database.publish(&definition(), &unit("north", 1), read).await.unwrap_err().to_string();
    assert!(error.contains("table elsewhere: the definition has no such table"), "{error}");
}
