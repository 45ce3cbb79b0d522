//! What every storage must do, as a program that fails by panicking: run by the tests of each of them.

use super::{Batch, Key, Storage, StorageError};
use std::ops::Range;

/// Runs everything. `fresh` returns a storage with nothing in it, `reopen` the storage that finds what another one left.
pub async fn all<S: Storage>(fresh: impl AsyncFn() -> S, reopen: impl AsyncFn(S) -> S) {
    let mut storage = fresh().await;
    values_come_back_in_order(&storage).await;
    for check in 0..5 {
        let before = everything(&storage).await;
        storage = reopen(storage).await;
        assert_eq!(everything(&storage).await, before);
        storage = if check == 3 { storage } else { fresh().await };
        match check {
            0 => a_batch_deletes_before_it_puts(&storage).await,
            1 => a_batch_happens_only_as_expected(&storage).await,
            2 => any_size_of_value_is_kept(&storage).await,
            3 => everything_can_be_deleted(&storage).await,
            _ => many_values_are_kept(&storage).await,
        }
    }
    let before = everything(&storage).await;
    storage = reopen(reopen(storage).await).await;
    assert_eq!(everything(&storage).await, before);
}

async fn everything(storage: &impl Storage) -> Vec<(Key, Vec<u8>)> {
    storage.read(Key::ALL, usize::MAX).await.expect("a read of a healthy storage succeeds")
}

async fn put(storage: &impl Storage, keys: &[Key]) {
    let puts = keys.iter().map(|key| (*key, key.to_string().into_bytes())).collect();
    assert_eq!(storage.commit(&Batch { puts, ..Batch::default() }).await, Ok(()));
}

async fn names(storage: &impl Storage, range: Range<Key>, most: usize) -> Vec<Key> {
    let values = storage.read(range, most).await.expect("a read of a healthy storage succeeds");
    values.into_iter().map(|(key, _)| key).collect()
}

async fn values_come_back_in_order(storage: &impl Storage) {
    assert_eq!(names(storage, Key::ALL, 10).await, []);
    let keys =
        [Key::Log(300), Key::Manifest, Key::Chunk(1, 2), Key::Log(2), Key::Epoch, Key::Chunk(1, 10), Key::Chunk(0, 7)];
    put(storage, &keys).await;
    let mut sorted = keys;
    sorted.sort();
    assert_eq!(names(storage, Key::ALL, 100).await, sorted);
    assert_eq!(names(storage, Key::ALL, 2).await, sorted[..2]);
    assert_eq!(names(storage, Key::Chunk(1, 2)..Key::Chunk(1, 10), 9).await, [Key::Chunk(1, 2)]);
    assert_eq!(names(storage, Key::Log(0)..Key::Log(u64::MAX), 9).await, [Key::Log(2), Key::Log(300)]);
    assert_eq!(names(storage, Key::Log(3)..Key::Log(3), 9).await, []);
    let values = storage.read(Key::Epoch..Key::Log(0), 1).await;
    assert_eq!(values, Ok(vec![(Key::Epoch, b"epoch".to_vec())]));
}

async fn a_batch_deletes_before_it_puts(storage: &impl Storage) {
    put(storage, &[Key::Chunk(1, 0), Key::Chunk(1, 1), Key::Chunk(2, 0), Key::Log(1)]).await;
    let batch = Batch {
        // The third has no values, the last no keys.
        deletes: vec![
            Key::Chunk(0, 0)..Key::Chunk(2, 0),
            Key::Log(0)..Key::Log(9),
            Key::Log(20)..Key::Log(30),
            Key::Log(5)..Key::Log(5),
        ],
        puts: vec![(Key::Chunk(1, 1), b"new".to_vec())],
        ..Batch::default()
    };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    assert_eq!(names(storage, Key::ALL, 9).await, [Key::Chunk(1, 1), Key::Chunk(2, 0)]);
    assert_eq!(storage.read(Key::ALL, 1).await, Ok(vec![(Key::Chunk(1, 1), b"new".to_vec())]));
}

async fn a_batch_happens_only_as_expected(storage: &impl Storage) {
    put(storage, &[Key::Epoch, Key::Log(1)]).await;
    let batch = |expect: Vec<(Key, Option<Vec<u8>>)>| Batch {
        expect,
        deletes: vec![Key::Log(0)..Key::Log(9)],
        puts: vec![(Key::Manifest, b"m".to_vec())],
    };
    for wrong in [(Key::Epoch, Some(b"other".to_vec())), (Key::Epoch, None), (Key::Log(5), Some(Vec::new()))] {
        let right = (Key::Log(7), None);
        assert_eq!(storage.commit(&batch(vec![right, wrong])).await, Err(StorageError::Conflict));
        assert_eq!(names(storage, Key::ALL, 9).await, [Key::Epoch, Key::Log(1)]);
    }
    let right = vec![(Key::Epoch, Some(b"epoch".to_vec())), (Key::Log(5), None)];
    assert_eq!(storage.commit(&batch(right)).await, Ok(()));
    assert_eq!(names(storage, Key::ALL, 9).await, [Key::Epoch, Key::Manifest]);
}

async fn any_size_of_value_is_kept(storage: &impl Storage) {
    for size in [0, 1, 1000, 300_000, 3_000_000] {
        let value: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        let batch = Batch { puts: vec![(Key::Chunk(3, size as u64), value.clone())], ..Batch::default() };
        assert_eq!(storage.commit(&batch).await, Ok(()));
        let range = Key::Chunk(3, size as u64)..Key::Chunk(3, size as u64 + 1);
        assert_eq!(storage.read(range, 1).await, Ok(vec![(Key::Chunk(3, size as u64), value)]));
    }
}

async fn everything_can_be_deleted(storage: &impl Storage) {
    assert_ne!(names(storage, Key::ALL, 1).await, []);
    let batch = Batch { deletes: vec![Key::ALL], ..Batch::default() };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    assert_eq!(names(storage, Key::ALL, 1).await, []);
    put(storage, &[Key::Manifest]).await;
    let batch = Batch { puts: vec![(Key::Epoch, b"e".to_vec())], ..batch };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    assert_eq!(names(storage, Key::ALL, 9).await, [Key::Epoch]);
}

async fn many_values_are_kept(storage: &impl Storage) {
    let keys: Vec<Key> = (0..3_000).map(Key::Log).collect();
    for some in keys.chunks(1_000) {
        put(storage, some).await;
    }
    // In small steps, over and over, from both ends.
    for n in 0..100 {
        let batch = Batch {
            expect: vec![(Key::Log(n), Some(Key::Log(n).to_string().into_bytes()))],
            deletes: vec![Key::Log(n)..Key::Log(n + 1), Key::Log(2_999 - n)..Key::Log(5_000)],
            puts: vec![(Key::Manifest, n.to_string().into_bytes()), (Key::Chunk(n, 0), vec![7; 1_000])],
        };
        assert_eq!(storage.commit(&batch).await, Ok(()));
    }
    let mut want: Vec<Key> = (0..100).map(|n| Key::Chunk(n, 0)).chain((100..2_900).map(Key::Log)).collect();
    want.push(Key::Manifest);
    assert_eq!(names(storage, Key::ALL, 5_000).await, want);
    let some = storage.read(Key::Log(500)..Key::End, 2).await;
    let value = |n| (Key::Log(n), Key::Log(n).to_string().into_bytes());
    assert_eq!(some, Ok(vec![value(500), value(501)]));
}
