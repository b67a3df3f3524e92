//! Publishers at the same time, and a server that dies among them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costhost::postgres::{Database, DatabaseError, PublishError, UnitRows};
use costhost_tests::postgres::Cluster;

use crate::shop::{JANUARY, ONE, Place, definition, publish, rows, unit};

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_of_one_unit_take_turns() {
    let place = Place::new().await;
    let other = place.another().await;
    let north = unit("north", 1);
    // What the lake holds, and how many read it at the same moment.
    let newest = AtomicUsize::new(1);
    let reading = AtomicUsize::new(0);
    for round in 1..=50_usize {
        let read = || async {
            assert_eq!(reading.fetch_add(1, Ordering::SeqCst), 0, "two publishers of one unit read at once");
            let now = newest.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            reading.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, std::convert::Infallible>(rows(&now.to_string(), JANUARY, 62, now as i128 * ONE))
        };
        newest.store(round, Ordering::SeqCst);
        let definition = definition();
        let both =
            tokio::join!(place.database.publish(&definition, &north, read), other.publish(&definition, &north, read));
        assert_eq!((both.0.unwrap().rows, both.1.unwrap().rows), (64, 64));
        let sums =
            "SELECT count(*), sum(cost), (SELECT string_agg(load_id, ',') FROM costhost_publications) FROM shop_daily";
        assert_eq!(place.sql(sums), format!("62|{}|{round}", 62 * round));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_of_different_units_do_not_meet() {
    let place = Place::new().await;
    let databases = [place.database.clone(), place.another().await, place.another().await];
    for round in 0..50_i128 {
        let mut hosts = Vec::new();
        for (number, database) in databases.iter().enumerate() {
            let database = database.clone();
            // Months that no partition is for yet, some of them the same.
            let day = JANUARY + (round as i32) * 31 + number as i32 * 15;
            let unit = unit(&"x".repeat(number + 1), 1);
            hosts.push(tokio::spawn(async move { publish(&database, &unit, rows("l", day, 31, round * ONE)).await }));
        }
        for host in hosts {
            let done = host.await.unwrap();
            assert_eq!((done.rows, done.retries), (33, 0));
        }
        assert_eq!(place.sql("SELECT count(*), sum(cost) FROM shop_daily"), format!("93|{}", 93 * round));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_cancelled_leaves_nothing_behind() {
    let place = Place::new().await;
    let north = unit("north", 1);
    publish(&place.database, &north, rows("l1", JANUARY, 31, ONE)).await;
    let big = rows("l2", JANUARY, 300_000, ONE);
    for after in [5, 60, 150] {
        let cancelled =
            tokio::time::timeout(Duration::from_millis(after), publish(&place.database, &north, big.clone()));
        assert!(cancelled.await.is_err(), "300,000 rows in {after} ms?");
        assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "31");
    }
    // While another holds the unit, waiting can be stopped too.
    let holding = place.another().await;
    let (hold, held) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (hold_there, held_there, unit_there) = (Arc::clone(&hold), Arc::clone(&held), north.clone());
    let holder = tokio::spawn(async move {
        let read = || async {
            held_there.notify_one();
            hold_there.notified().await;
            Ok::<_, std::convert::Infallible>(rows("l3", JANUARY, 5, ONE))
        };
        holding.publish(&definition(), &unit_there, read).await.unwrap()
    });
    held.notified().await;
    let waiting =
        tokio::time::timeout(Duration::from_millis(300), publish(&place.database, &north, rows("l4", JANUARY, 6, ONE)));
    assert!(waiting.await.is_err());
    hold.notify_one();
    holder.await.unwrap();
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "5");
    publish(&place.database, &north, rows("l5", JANUARY, 7, ONE)).await;
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_during_a_copy_keeps_the_old_rows() {
    // Not the shared one: others are on that.
    let cluster = Arc::new(Cluster::start());
    let name = cluster.database();
    let database = Database::connect(&cluster.url(&name), "default").await.unwrap();
    database.migrate(&definition()).await.unwrap();
    let north = unit("north", 1);
    publish(&database, &north, rows("l1", JANUARY, 31, ONE)).await;
    let big = rows("l2", JANUARY, 1_500_000, 2 * ONE);
    let publishing = tokio::spawn({
        let (database, north, big) = (database.clone(), north.clone(), big.clone());
        async move {
            let read = || async { Ok::<_, std::convert::Infallible>(big.clone()) };
            database.publish(&definition(), &north, read).await
        }
    });
    let copying = "SELECT count(*) FROM pg_stat_progress_copy WHERE tuples_processed > 10000";
    while cluster.sql(&name, copying) == "0" {
        assert!(!publishing.is_finished(), "the copy was over before it was seen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.kill();
    let error = publishing.await.unwrap().unwrap_err();
    assert!(matches!(&error, PublishError::Database(error) if error.is_transient()), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("the lake keeps what was summarized") && message.contains("costhost publish"),
        "{message}"
    );
    cluster.launch();
    assert_eq!(cluster.sql(&name, "SELECT count(*), sum(cost) FROM shop_daily"), "31|31");
    publish(&database, &north, rows("l3", JANUARY, 62, ONE)).await;
    assert_eq!(cluster.sql(&name, "SELECT count(*), sum(cost) FROM shop_daily"), "62|62");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_tried_again() {
    let place = Place::new().await;
    let north = unit("north", 1);
    let reads = AtomicUsize::new(0);
    let read = || async {
        if reads.fetch_add(1, Ordering::SeqCst) == 0 {
            // Everyone else on this database: the publisher's own connection.
            place.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        }
        Ok::<UnitRows, std::convert::Infallible>(rows("l1", JANUARY, 31, ONE))
    };
    let done = place.database.publish(&definition(), &north, read).await.unwrap();
    assert_eq!((done.retries, reads.into_inner()), (1, 2));
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "31");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_stay_are_not_tried_again() {
    let place = Place::new().await;
    place.sql("ALTER TABLE shop_daily ADD CONSTRAINT cheap CHECK (cost < 5)");
    let reads = AtomicUsize::new(0);
    let read = || async {
        reads.fetch_add(1, Ordering::SeqCst);
        Ok::<UnitRows, std::convert::Infallible>(rows("l1", JANUARY, 31, 9 * ONE))
    };
    let error = place.database.publish(&definition(), &unit("north", 1), read).await.unwrap_err();
    assert!(
        matches!(&error, PublishError::Database(DatabaseError::Failed { code: Some(code), .. }) if code == "23514"),
        "{error}"
    );
    assert_eq!(reads.into_inner(), 1);
}
