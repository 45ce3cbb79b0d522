//! What every storage must do, as a program that fails by panicking: run by the tests of each of them.

use super::{Batch, Key, Storage, StorageError};
use std::future::poll_fn;
use std::ops::Range;
use std::pin::pin;
use std::task::Poll;

/// Runs everything. `fresh` returns a storage with nothing in it, `reopen` the storage that finds what another one left.
pub async fn all<S: Storage>(fresh: impl AsyncFn() -> S, reopen: impl AsyncFn(S) -> S) {
    macro_rules! each {
        ($($check:ident),* $(,)?) => { $(
            let storage = fresh().await;
            $check(&storage).await;
            let before = everything(&storage).await;
            let storage = reopen(reopen(storage).await).await;
            assert_eq!(everything(&storage).await, before, "what {} left", stringify!($check));
        )* };
    }
    each!(
        values_come_back_in_order,
        ranges_go_to_their_ends,
        a_batch_deletes_before_it_puts,
        a_batch_may_change_a_key_many_times,
        a_batch_happens_only_as_expected,
        what_is_expected_is_what_was_before,
        any_size_of_value_is_kept,
        everything_can_be_deleted,
        many_values_are_kept,
        a_large_batch_is_one,
        reads_see_a_batch_whole_or_not_at_all,
        of_two_that_expect_the_same_one_wins,
    );
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

async fn ranges_go_to_their_ends(storage: &impl Storage) {
    let (low, high) = (Key::Chunk(0, 0), Key::Chunk(u64::MAX, u64::MAX));
    put(storage, &[low, high, Key::Epoch, Key::Log(0), Key::Log(u64::MAX), Key::Manifest]).await;
    assert_eq!(names(storage, low..high, 9).await, [low]);
    assert_eq!(names(storage, high..Key::Epoch, 9).await, [high]);
    assert_eq!(names(storage, Key::Log(1)..Key::End, 9).await, [Key::Log(u64::MAX), Key::Manifest]);
    assert_eq!(names(storage, Key::Log(u64::MAX)..Key::Manifest, 9).await, [Key::Log(u64::MAX)]);
    // What ends before it begins is empty, and so is what begins behind everything.
    for range in [high..low, Key::Log(9)..Key::Log(3), Key::End..Key::End, Key::End..low] {
        assert_eq!(names(storage, range.clone(), 9).await, []);
        let batch = Batch { deletes: vec![range], ..Batch::default() };
        assert_eq!(storage.commit(&batch).await, Ok(()));
    }
    assert_eq!(names(storage, Key::ALL, 9).await.len(), 6);
    let deletes = vec![low..high, Key::Log(u64::MAX)..Key::Manifest];
    assert_eq!(storage.commit(&Batch { deletes, ..Batch::default() }).await, Ok(()));
    assert_eq!(names(storage, Key::ALL, 9).await, [high, Key::Epoch, Key::Log(0), Key::Manifest]);
}

async fn a_batch_may_change_a_key_many_times(storage: &impl Storage) {
    put(storage, &[Key::Log(1), Key::Log(2), Key::Log(3), Key::Log(4)]).await;
    let value = |text: &[u8]| text.to_vec();
    let batch = Batch {
        expect: vec![(Key::Log(2), Some(Key::Log(2).to_string().into_bytes())), (Key::Log(5), None)],
        // They overlap, and take away what is put below.
        deletes: vec![Key::Log(1)..Key::Log(3), Key::Log(2)..Key::Log(4), Key::Log(5)..Key::Log(6)],
        puts: vec![
            (Key::Log(5), value(b"first")),
            (Key::Log(2), value(b"second")),
            (Key::Log(5), value(b"third")),
            (Key::Log(4), value(b"")),
        ],
    };
    assert_eq!(storage.commit(&batch).await, Ok(()));
    let want = vec![(Key::Log(2), value(b"second")), (Key::Log(4), value(b"")), (Key::Log(5), value(b"third"))];
    assert_eq!(storage.read(Key::ALL, 9).await, Ok(want.clone()));
    // Nothing to do is done.
    assert_eq!(storage.commit(&Batch::default()).await, Ok(()));
    assert_eq!(storage.read(Key::ALL, 9).await, Ok(want));
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
    put(storage, &[Key::Chunk(0, 0), Key::Epoch, Key::Log(1), Key::Manifest]).await;
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

async fn what_is_expected_is_what_was_before(storage: &impl Storage) {
    let old = Some(Key::Epoch.to_string().into_bytes());
    let new = Some(b"new".to_vec());
    put(storage, &[Key::Epoch]).await;
    let batch = |expect: &[(Key, &Option<Vec<u8>>)]| Batch {
        expect: expect.iter().map(|(key, value)| (*key, (*value).clone())).collect(),
        deletes: vec![Key::Epoch..Key::Log(0)],
        puts: vec![(Key::Epoch, b"new".to_vec())],
    };
    // Not what the batch itself makes of it; and of two expectations both count.
    for wrong in [&[(Key::Epoch, &new)][..], &[(Key::Epoch, &None)], &[(Key::Epoch, &old), (Key::Epoch, &None)]] {
        assert_eq!(storage.commit(&batch(wrong)).await, Err(StorageError::Conflict));
    }
    assert_eq!(storage.commit(&batch(&[(Key::Epoch, &old), (Key::Epoch, &old)])).await, Ok(()));
    assert_eq!(storage.commit(&batch(&[(Key::Epoch, &old)])).await, Err(StorageError::Conflict));
    // Without changes it says whether they hold.
    for (expect, outcome) in [(new, Ok(())), (None, Err(StorageError::Conflict))] {
        let batch = Batch { expect: vec![(Key::Epoch, expect)], ..Batch::default() };
        assert_eq!(storage.commit(&batch).await, outcome);
    }
    assert_eq!(names(storage, Key::ALL, 9).await, [Key::Epoch]);
}

async fn a_large_batch_is_one(storage: &impl Storage) {
    put(storage, &[Key::Epoch]).await;
    let puts: Vec<(Key, Vec<u8>)> = (0..400).map(|n| (Key::Chunk(1, n), vec![n as u8; 10_000])).collect();
    let mut batch = Batch { expect: vec![(Key::Epoch, None)], deletes: vec![Key::ALL], puts };
    assert_eq!(storage.commit(&batch).await, Err(StorageError::Conflict));
    assert_eq!(names(storage, Key::ALL, 9).await, [Key::Epoch]);
    batch.expect.clear();
    assert_eq!(storage.commit(&batch).await, Ok(()));
    // Read in pages, as a log is.
    let (mut from, mut found) = (Key::Chunk(0, 0), Vec::new());
    loop {
        let page = storage.read(from..Key::End, 64).await.expect("a read of a healthy storage succeeds");
        let Some((Key::Chunk(generation, last), _)) = page.last() else { break };
        from = Key::Chunk(*generation, last + 1);
        found.extend(page);
    }
    assert_eq!(found, batch.puts);
}

async fn reads_see_a_batch_whole_or_not_at_all(storage: &impl Storage) {
    let batch = |text: &[u8]| Batch {
        deletes: vec![Key::ALL],
        puts: (0..50).map(|n| (Key::Log(n), text.repeat(200))).collect(),
        ..Batch::default()
    };
    assert_eq!(storage.commit(&batch(b"0")).await, Ok(()));
    for n in 1..6 {
        let (before, after) = (n - 1, n.to_string());
        let commit = batch(after.as_bytes());
        let reads = both(storage.read(Key::ALL, 99), storage.read(Key::ALL, 99));
        let (done, (one, other)) = both(storage.commit(&commit), reads).await;
        assert_eq!(done, Ok(()));
        for found in [one, other] {
            let found = found.expect("a read of a healthy storage succeeds");
            assert!(found == commit.puts || found == batch(before.to_string().as_bytes()).puts);
        }
        assert_eq!(storage.read(Key::ALL, 99).await, Ok(commit.puts));
    }
}

async fn of_two_that_expect_the_same_one_wins(storage: &impl Storage) {
    let claim = |before: Option<&[u8]>, name: &[u8]| Batch {
        expect: vec![(Key::Epoch, before.map(<[u8]>::to_vec))],
        puts: vec![(Key::Epoch, name.to_vec())],
        ..Batch::default()
    };
    let (a, b) = (claim(None, b"a"), claim(None, b"b"));
    let outcomes = both(storage.commit(&a), storage.commit(&b)).await;
    let winner = if outcomes.0.is_ok() { b"a" } else { b"b" };
    assert!(matches!(outcomes, (Ok(()), Err(StorageError::Conflict)) | (Err(StorageError::Conflict), Ok(()))));
    assert_eq!(storage.read(Key::ALL, 9).await, Ok(vec![(Key::Epoch, winner.to_vec())]));
    // One after the other, each on top of the last.
    let mut before = winner.to_vec();
    for n in 0..20u8 {
        let (right, wrong) = (claim(Some(&before), &[n]), claim(None, b"never"));
        let outcomes = both(storage.commit(&wrong), storage.commit(&right)).await;
        assert_eq!(outcomes, (Err(StorageError::Conflict), Ok(())));
        before = vec![n];
    }
}

/// Awaits two futures at the same time.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
