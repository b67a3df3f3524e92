//! What the lake's publisher does with a database that lets it wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costhost::lake::{Lake, LoadRecord};
use costhost::plugin::Cancel;
use costhost::publish::Publisher;
use costhost::source::store::StoreOptions;

use crate::shop::{JANUARY, ONE, Place, definition, publish, rows, unit};

fn record() -> LoadRecord {
    let north = unit("north", 1);
    LoadRecord {
        load_id: "l2".into(),
        rows_id: "l2".into(),
        loaded_at: 0,
        source: north.source,
        source_uuid: north.source_uuid.to_string(),
        location: String::new(),
        provider: north.provider,
        plugin: "shop-bills".into(),
        plugin_version: "1.0.0".into(),
        plugin_digest: String::new(),
        revision: String::new(),
        delivered: 0,
        period_start: north.period_start * 1_000_000,
        period_end: (north.period_start + 31 * 86_400) * 1_000_000,
        rows: 0,
        rejects: 0,
        files: 0,
        bytes: 0,
        settings_digest: String::new(),
        totals: String::new(),
        receipt: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_another_host_ends_when_publishing_is_cancelled() {
    let place = Place::new().await;
    publish(&place.database, &unit("north", 1), rows("l1", JANUARY, 31, ONE)).await;
    // Another host that holds the unit for as long as the test likes.
    let holding = place.another().await;
    let (hold, held) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (hold_there, held_there) = (Arc::clone(&hold), Arc::clone(&held));
    let holder = tokio::spawn(async move {
        let read = || async {
            held_there.notify_one();
            hold_there.notified().await;
            Ok::<_, std::convert::Infallible>(rows("l3", JANUARY, 5, ONE))
        };
        holding.publish(&definition(), &unit("north", 1), read).await.unwrap()
    });
    held.notified().await;

    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    let cancel = Cancel::default();
    let publisher = Publisher { lake: &lake, tenant: "default", database: &place.database, cancel: &cancel };
    let definitions = BTreeMap::from([("shop-bills".to_owned(), definition())]);
    let (records, began) = ([record()], Instant::now());
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    };
    let (receipts, ()) = tokio::join!(publisher.catch_up(&definitions, &records, false), stopping);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
    let errors: Vec<_> = receipts.unwrap().into_iter().map(|receipt| receipt.error).collect();
    assert_eq!(errors, [Some("stopped before it was published".to_owned())]);
    hold.notify_one();
    holder.await.unwrap();
    assert_eq!(place.sql("SELECT count(*) FROM shop_daily"), "5");
}
