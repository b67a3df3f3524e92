//! Random columns for tests: what they hold, and as a plugin might send it.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, MapArray, NullArray, PrimitiveArray, StringArray, StringViewArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, DataType, Field, Fields, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// How a column is filled.
#[derive(Debug, Clone)]
pub(super) struct Filling {
    pub(super) seed: u64,
    /// Different values to choose from.
    pub(super) distinct: usize,
    /// Of a hundred.
    pub(super) nulls: u32,
    /// Longest text, and longest list.
    pub(super) longest: usize,
}

/// Types that columns of the lake may have.
pub(super) fn kinds() -> Vec<DataType> {
    let list = |item| DataType::List(Arc::new(Field::new("element", item, true)));
    let map = |value| {
        let pair = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)]);
        DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), false)
    };
    let decimal = DataType::Decimal128;
    vec![
        DataType::Utf8,
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Boolean,
        decimal(38, 18),
        decimal(25, 3),
        decimal(18, 2),
        decimal(9, 2),
        list(DataType::Utf8),
        list(decimal(38, 18)),
        list(list(DataType::Int64)),
        map(DataType::Utf8),
        map(DataType::Boolean),
        map(list(DataType::Utf8)),
        list(map(DataType::Utf8)),
    ]
}

/// The same rows twice: plain, and as they might be sent.
pub(super) fn column(kind: &DataType, rows: usize, filling: &Filling) -> (ArrayRef, ArrayRef) {
    let mut random = SmallRng::seed_from_u64(filling.seed);
    // Parts of longer arrays, as a batch may be.
    let (before, after) = (random.random_range(0..3), random.random_range(0..3));
    let (plain, sent) = array(kind, before + rows + after, true, filling, &mut random);
    (plain.slice(before, rows), sent.slice(before, rows))
}

fn array(
    kind: &DataType,
    len: usize,
    optional: bool,
    filling: &Filling,
    random: &mut SmallRng,
) -> (ArrayRef, ArrayRef) {
    let nulls = if optional { filling.nulls } else { 0 };
    let valid: Vec<bool> = (0..len).map(|_| random.random_range(0..100) >= nulls).collect();
    match kind {
        DataType::List(item) => {
            let (offsets, nulls) = lists(&valid, filling, random);
            let (plain, sent) = array(item.data_type(), children(&offsets), true, filling, random);
            let list = |values: ArrayRef| -> ArrayRef {
                let field = Arc::new(Field::new("element", values.data_type().clone(), true));
                Arc::new(ListArray::new(field, offsets.clone(), values, nulls.clone()))
            };
            (list(plain), list(sent))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else { unreachable!() };
            let (offsets, nulls) = lists(&valid, filling, random);
            let keys = array(pair[0].data_type(), children(&offsets), false, filling, random);
            let values = array(pair[1].data_type(), children(&offsets), true, filling, random);
            let map = |keys: ArrayRef, values: ArrayRef| -> ArrayRef {
                let pair = Fields::from(vec![
                    Field::new("key", keys.data_type().clone(), false),
                    Field::new("value", values.data_type().clone(), true),
                ]);
                let entries = StructArray::new(pair.clone(), vec![keys, values], None);
                let field = Arc::new(Field::new("key_value", DataType::Struct(pair), false));
                Arc::new(MapArray::new(field, offsets.clone(), entries, nulls.clone(), false))
            };
            (map(keys.0, values.0), map(keys.1, values.1))
        }
        leaf => {
            let picks: Vec<Option<u64>> =
                valid.iter().map(|valid| valid.then(|| random.random_range(0..filling.distinct as u64))).collect();
            let plain = values(leaf, &picks, filling);
            let sent = match leaf {
                _ if picks.iter().all(Option::is_none) && random.random() => Arc::new(NullArray::new(len)),
                DataType::Utf8 => text_as_sent(&picks, filling, random),
                _ => Arc::clone(&plain),
            };
            (plain, sent)
        }
    }
}

/// Offsets of lists. What lies under a null is not always empty.
fn lists(valid: &[bool], filling: &Filling, random: &mut SmallRng) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
    let length = |valid: &bool| match (valid, random.random_range(0..10)) {
        (true, 0) | (false, 1..) => 0,
        _ => random.random_range(0..=filling.longest.min(20)),
    };
    let offsets = OffsetBuffer::from_lengths(valid.iter().map(length).collect::<Vec<_>>());
    (offsets, valid.contains(&false).then(|| NullBuffer::from(valid.to_vec())))
}

fn children(offsets: &OffsetBuffer<i32>) -> usize {
    usize::try_from(*offsets.last().unwrap()).unwrap()
}

/// The values that numbers stand for: extremes first, then anything.
fn values(kind: &DataType, picks: &[Option<u64>], filling: &Filling) -> ArrayRef {
    let spread = |pick: u64| (pick.wrapping_add(filling.seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed();
    let days = |pick: u64| (spread(pick) >> 40) as i32;
    match kind {
        DataType::Utf8 => Arc::new(StringArray::from_iter(picks.iter().map(|pick| pick.map(|n| text(n, filling))))),
        DataType::Int32 => Arc::new(Int32Array::from_iter(picks.iter().map(|pick| pick.map(days)))),
        DataType::Date32 => Arc::new(Date32Array::from_iter(picks.iter().map(|pick| pick.map(days)))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(picks.iter().map(|pick| pick.map(spread)))),
        DataType::Timestamp(..) => {
            let times = TimestampMicrosecondArray::from_iter(picks.iter().map(|pick| pick.map(|n| spread(n) >> 12)));
            Arc::new(times.with_timezone("UTC"))
        }
        DataType::Float64 => Arc::new(Float64Array::from_iter(picks.iter().map(|pick| {
            pick.map(|n| match n {
                0 => -0.0,
                1 => 0.0,
                2 => f64::NAN,
                3 => f64::NEG_INFINITY,
                n => f64::from(days(n)) / 100.0,
            })
        }))),
        DataType::Boolean => Arc::new(BooleanArray::from_iter(picks.iter().map(|pick| pick.map(|n| n % 2 == 1)))),
        DataType::Decimal128(precision, scale) => {
            let limit = 10_i128.pow(u32::from(*precision));
            let amount = |n: u64| match n {
                0 => 0,
                1 => limit - 1,
                2 => 1 - limit,
                n => (i128::from(spread(n)) << (n % 60)) % limit,
            };
            let amounts = Decimal128Array::from_iter(picks.iter().map(|pick| pick.map(amount)));
            Arc::new(amounts.with_precision_and_scale(*precision, *scale).unwrap())
        }
        other => unreachable!("{other}"),
    }
}

fn text(pick: u64, filling: &Filling) -> String {
    let mut random = SmallRng::seed_from_u64(pick ^ filling.seed);
    let letters = ['a', 'b', ' ', '"', 'ä', '\u{7f}', '日', '\u{10ffff}'];
    let length = random.random_range(0..=filling.longest);
    (0..length).map(|_| letters[random.random_range(0..letters.len())]).collect()
}

/// Text in one of the encodings that a plugin may choose, for each batch anew.
fn text_as_sent(picks: &[Option<u64>], filling: &Filling, random: &mut SmallRng) -> ArrayRef {
    let texts = || picks.iter().map(|pick| pick.map(|n| text(n, filling)));
    let key = match random.random_range(0..11) {
        0 => return Arc::new(StringArray::from_iter(texts())),
        1 => return Arc::new(LargeStringArray::from_iter(texts())),
        2 => return Arc::new(StringViewArray::from_iter(texts())),
        key => key,
    };
    match key {
        3 if filling.distinct < 100 => keyed::<Int8Type>(picks, filling, random),
        4 if filling.distinct < 200 => keyed::<UInt8Type>(picks, filling, random),
        5 if filling.distinct < 30_000 => keyed::<Int16Type>(picks, filling, random),
        6 if filling.distinct < 60_000 => keyed::<UInt16Type>(picks, filling, random),
        7 => keyed::<UInt32Type>(picks, filling, random),
        8 => keyed::<Int64Type>(picks, filling, random),
        9 => keyed::<UInt64Type>(picks, filling, random),
        _ => keyed::<Int32Type>(picks, filling, random),
    }
}

/// A dictionary in any order, with entries that no row has and with one that is null; keys under nulls are anything.
fn keyed<K: ArrowDictionaryKeyType>(picks: &[Option<u64>], filling: &Filling, random: &mut SmallRng) -> ArrayRef {
    let mut order: Vec<Option<u64>> = picks.iter().flatten().copied().map(Some).collect();
    order.sort_unstable();
    order.dedup();
    order.push(Some(filling.distinct as u64 + 1));
    order.push(None);
    order.shuffle(random);
    let place = |wanted: Option<u64>| order.iter().position(|known| *known == wanted).unwrap();
    let places: std::collections::HashMap<u64, usize> =
        order.iter().enumerate().filter_map(|(at, known)| known.map(|known| (known, at))).collect();
    let null = place(None);
    let held = StringArray::from_iter(order.iter().map(|known| known.map(|n| text(n, filling))));
    let mut keys = Vec::with_capacity(picks.len());
    let mut valid = Vec::with_capacity(picks.len());
    for pick in picks {
        // A row is null by its own bit, or by what its key stands for.
        let (key, by_key) = match pick {
            Some(pick) => (places[pick], true),
            None => (null, random.random()),
        };
        keys.push(K::Native::usize_as(key));
        valid.push(by_key);
    }
    let keys = PrimitiveArray::<K>::new(keys.into(), Some(NullBuffer::from(valid)));
    Arc::new(DictionaryArray::new(keys, Arc::new(held)))
}
