//! A unit's rows are replaced as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use costhost::postgres::{DatabaseError, PublishError, Unit, UnitRows};

use crate::shop::{JANUARY, ONE, Place, definition, publish, rows, unit};

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_is_replaced_and_others_are_left_alone() {
    let place = Place::new().await;
    let (north, south) = (unit("north", 1), unit("southern", 1));
    // January's bill has rows of two months.
    let done = publish(&place.database, &north, rows("l1", JANUARY + 20, 100, ONE)).await;
    assert_eq!(done.rows, 102);
    assert_eq!(done.notes, [""; 0]);
    publish(&place.database, &south, rows("l2", JANUARY, 40, 2 * ONE)).await;
    let count = "SELECT cost_entry_bill_id, count(*), sum(cost) FROM shop_daily GROUP BY 1 ORDER BY 1";
    assert_eq!(place.sql(count), "5001|100|100\n8001|40|80");
    let partitions =
        "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'shop_daily'::regclass ORDER BY 1::text";
    assert_eq!(place.sql(partitions), "shop_daily_2025_01\nshop_daily_2025_02");

    let created = place.sql("SELECT summary_data_creation_datetime FROM shop_bill WHERE id = 5001");
    publish(&place.database, &north, rows("l3", JANUARY, 60, 3 * ONE)).await;
    assert_eq!(place.sql(count), "5001|60|180\n8001|40|80");
    assert_eq!(place.sql("SELECT supplier, cost FROM shop_by_supplier WHERE cost_entry_bill_id = 5001"), "acme|180");
    let bill =
        "SELECT invoice, summary_data_creation_datetime, summary_data_updated_datetime > summary_data_creation_datetime
                FROM shop_bill WHERE id = 5001";
    assert_eq!(place.sql(bill), format!("l3|{created}|t"));

    let publications = place.database.publications("shop").await.unwrap();
    let seen: Vec<_> = publications.iter().map(|p| (p.source.as_str(), p.load_id.as_str(), p.rows, p.days)).collect();
    assert_eq!(
        seen,
        [("north", "l3", 62, Some((JANUARY, JANUARY + 30))), ("southern", "l2", 42, Some((JANUARY, JANUARY + 30)))]
    );
    assert_eq!(publications[0].period_start, north.period_start);
    assert_eq!(place.database.publications("aws").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_without_rows_leaves_none() {
    let place = Place::new().await;
    let north = unit("north", 1);
    publish(&place.database, &north, rows("l1", JANUARY, 10, ONE)).await;
    let empty = UnitRows { tables: vec![], ..rows("l2", JANUARY, 0, ONE) };
    publish(&place.database, &north, empty).await;
    let counts = "SELECT (SELECT count(*) FROM shop_daily), (SELECT count(*) FROM shop_by_supplier), (SELECT count(*) FROM shop_bill)";
    assert_eq!(place.sql(counts), "0|0|0");
    publish(&place.database, &north, rows("l3", JANUARY, 10, ONE)).await;
    assert_eq!(place.sql(counts), "10|1|1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_the_old_rows_or_the_new_ones() {
    let place = Place::new().await;
    let north = unit("north", 1);
    publish(&place.database, &north, rows("l0", JANUARY, 310, ONE)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (stop, url) = (Arc::clone(&stop), place.cluster.url(&place.name));
        async move {
            let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
            let mut seen = std::collections::BTreeSet::new();
            while !stop.load(Ordering::Relaxed) {
                let query = "SELECT (SELECT count(*) FROM shop_daily), (SELECT sum(cost)::bigint FROM shop_daily),
                    (SELECT sum(cost)::bigint FROM shop_by_supplier), (SELECT count(*) FROM shop_bill)";
                let row: (i64, Option<i64>, Option<i64>, i64) =
                    sqlx::query_as(query).fetch_one(&mut connection).await.unwrap();
                assert_eq!((row.0, row.1, row.3), (310, row.2, 1));
                seen.insert(row.1.unwrap());
            }
            seen
        }
    });
    for n in 2..=20 {
        publish(&place.database, &north, rows("l", JANUARY, 310, n * ONE)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let seen = reader.await.unwrap();
    assert!(seen.len() > 3, "the reader saw only {seen:?}");
    assert!(seen.iter().all(|sum| sum % 310 == 0), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_changes_nothing() {
    let place = Place::new().await;
    let north = unit("north", 1);
    publish(&place.database, &north, rows("l1", JANUARY, 10, ONE)).await;
    let fails = || async { Err::<UnitRows, _>("the lake is away") };
    let error = place.database.publish(&definition(), &north, fails).await.unwrap_err();
    assert_eq!(error.to_string(), "the lake is away");
    assert_eq!(place.sql("SELECT count(*), sum(cost) FROM shop_daily"), "10|10");
}

const UNITS: &str =
    "SELECT source_uuid, cost_entry_bill_id, count(*), sum(cost) FROM shop_daily GROUP BY 1, 2 ORDER BY 2";
const BILLS: &str = "SELECT string_agg(id || ' ' || source_uuid, ', ' ORDER BY id) FROM shop_bill";

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_another_uuid_counts_once() {
    let place = Place::new().await;
    let (old, february, other) = (unit("north", 1), unit("north", 2), unit("southern", 1));
    publish(&place.database, &old, rows("l1", JANUARY + 20, 100, ONE)).await;
    publish(&place.database, &february, rows("l2", JANUARY + 31, 28, ONE)).await;
    publish(&place.database, &other, rows("l3", JANUARY, 31, ONE)).await;
    let created = place.sql("SELECT summary_data_creation_datetime FROM shop_bill WHERE id = 5001");
    let new = Unit { source_uuid: uuid::Uuid::from_u128(7), bill_id: 77, ..old.clone() };
    publish(&place.database, &new, rows("l4", JANUARY, 31, 2 * ONE)).await;
    assert_eq!(
        place.sql(UNITS),
        format!("{}|77|31|62\n{}|5002|28|28\n{}|8001|31|31", new.source_uuid, february.source_uuid, other.source_uuid)
    );
    assert_eq!(
        place.sql(BILLS),
        format!("77 {}, 5002 {}, 8001 {}", new.source_uuid, february.source_uuid, other.source_uuid)
    );
    assert_eq!(place.sql("SELECT summary_data_creation_datetime FROM shop_bill WHERE id = 77"), created);
    assert_eq!(place.sql("SELECT count(*), sum(cost) FROM shop_by_supplier WHERE cost_entry_bill_id = 77"), "1|62");
    assert_eq!(place.sql("SELECT count(*) FROM shop_by_supplier"), "3");
    let seen: Vec<_> = place.database.publications("shop").await.unwrap().into_iter().map(|p| p.load_id).collect();
    assert_eq!(seen, ["l4", "l2", "l3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_whose_start_moved_counts_once() {
    let place = Place::new().await;
    let first = unit("north", 1);
    publish(&place.database, &first, rows("l1", JANUARY, 31, ONE)).await;
    let moved = Unit { period_start: first.period_start + 4 * 86_400, bill_id: 78, ..first.clone() };
    publish(&place.database, &moved, rows("l2", JANUARY + 4, 20, ONE)).await;
    assert_eq!(place.sql(UNITS), format!("{}|78|20|20", first.source_uuid));
    let publications = place.database.publications("shop").await.unwrap();
    assert_eq!(publications.len(), 1);
    assert_eq!(publications[0].period_start, moved.period_start);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uuids_of_a_source_published_at_once_leave_one() {
    let place = Place::new().await;
    let old = unit("north", 1);
    let new = Unit { source_uuid: uuid::Uuid::from_u128(7), bill_id: 77, ..old.clone() };
    let other = place.another().await;
    for round in 0..20 {
        let pair = tokio::join!(
            publish(&place.database, &old, rows("old", JANUARY, 31, ONE)),
            publish(&other, &new, rows("new", JANUARY, 31, ONE))
        );
        assert_eq!((pair.0.rows, pair.1.rows), (33, 33), "round {round}");
        let counts = "SELECT (SELECT count(*) FROM shop_daily), (SELECT count(*) FROM shop_bill), \
                      (SELECT count(*) FROM costhost_publications)";
        assert_eq!(place.sql(counts), "31|1|1", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_with_one_uuid_do_not_replace_each_other() {
    let place = Place::new().await;
    let north = unit("north", 1);
    publish(&place.database, &north, rows("l1", JANUARY, 31, ONE)).await;
    let south = Unit { source: "south".into(), ..north.clone() };
    let read = || async { Ok::<_, std::convert::Infallible>(rows("l2", JANUARY, 5, ONE)) };
    let error = place.database.publish(&definition(), &south, read).await.unwrap_err();
    assert!(matches!(&error, PublishError::Database(DatabaseError::SharedUuid { .. })), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("\"north\"") && message.contains("\"south\"") && message.contains("--source-uuid"),
        "{message}"
    );
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "31");
    // What the message advises for a source that has another name.
    place.sql("DELETE FROM costhost_publications WHERE source = 'north'");
    publish(&place.database, &south, rows("l2", JANUARY, 5, ONE)).await;
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "5");
}
