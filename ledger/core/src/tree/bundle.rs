//! Entry bundles (C2SP tlog-tiles): the entries below one tile of leaf hashes, each with its length before it as two
//! bytes, big endian.

use alloc::vec::Vec;

/// Bytes of an entry's length.
const LENGTH_BYTES: usize = 2;

/// Where bytes stop being an entry bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BundleError {
    /// Whole entries, but too few of them.
    #[error("expected {expected} entries, got {got}")]
    Few {
        /// Entries that the bundle should hold.
        expected: usize,
        /// Entries found.
        got: usize,
    },
    /// The bytes end within an entry, or within its length.
    #[error("the bytes end within entry {nth} of the bundle")]
    Cut {
        /// Which entry, counted from 0.
        nth: usize,
    },
    /// Something follows the last entry.
    #[error("expected {expected} entries and nothing behind them, got {bytes} more bytes")]
    Trailing {
        /// Entries that the bundle should hold.
        expected: usize,
        /// Bytes behind them.
        bytes: usize,
    },
}

/// Appends an entry to a bundle. One that is longer than its length can say doesn't compile.
pub fn push_entry<const BYTES: usize>(bundle: &mut Vec<u8>, entry: &[u8; BYTES]) {
    let length = const {
        assert!(BYTES <= 65_535, "an entry's length is two bytes");
        let [.., high, low] = BYTES.to_be_bytes();
        [high, low]
    };
    bundle.extend_from_slice(&length);
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle that should hold `width` of them, as far as they are whole, and where that ends.
pub fn entries(bundle: &[u8], width: usize) -> (Vec<&[u8]>, Result<(), BundleError>) {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while entries.len() < width {
        let nth = entries.len();
        let Some((length, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            let few = BundleError::Few { expected: width, got: nth };
            let error = if rest.is_empty() { few } else { BundleError::Cut { nth } };
            return (entries, Err(error));
        };
        let Some((entry, behind)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            return (entries, Err(BundleError::Cut { nth }));
        };
        entries.push(entry);
        rest = behind;
    }
    let trailing = BundleError::Trailing { expected: width, bytes: rest.len() };
    (entries, if rest.is_empty() { Ok(()) } else { Err(trailing) })
}

/// The bundle cut behind its first `width` entries; behind the last whole one where it has fewer.
#[must_use]
pub fn clip(mut bundle: Vec<u8>, width: usize) -> Vec<u8> {
    let bytes = entries(&bundle, width).0.iter().map(|entry| LENGTH_BYTES + entry.len()).sum();
    bundle.truncate(bytes);
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn three() -> Vec<u8> {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, &[1; 3]);
        push_entry(&mut bundle, &[]);
        push_entry(&mut bundle, &[2]);
        bundle
    }

    #[test]
    fn bundles_say_where_they_stop() {
        let good = three();
        assert_eq!(good, [0, 3, 1, 1, 1, 0, 0, 0, 1, 2]);
        assert_eq!(entries(&good, 3), (vec![&[1, 1, 1][..], &[], &[2]], Ok(())));
        assert_eq!(entries(&good, 4).1, Err(BundleError::Few { expected: 4, got: 3 }));
        assert_eq!(entries(&good, 2).1, Err(BundleError::Trailing { expected: 2, bytes: 3 }));
        assert_eq!(entries(&good[..good.len() - 1], 3).1, Err(BundleError::Cut { nth: 2 }));
        assert_eq!(entries(&good[..1], 3).1, Err(BundleError::Cut { nth: 0 }));
        assert_eq!(clip(good.clone(), 2), good[..7]);
        assert_eq!(clip(good.clone(), 9), good);
        let mut longest = Vec::new();
        push_entry(&mut longest, &[7; 65_535]);
        assert_eq!(entries(&longest, 1), (vec![&[7; 65_535][..]], Ok(())));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_stands_there(bytes in proptest::collection::vec(0u8..4, 0..600), width in 0usize..300) {
            let (found, whole) = entries(&bytes, width);
            let again: Vec<u8> = found
                .iter()
                .flat_map(|entry| [&u16::try_from(entry.len()).unwrap().to_be_bytes()[..], entry].concat())
                .collect();
            prop_assert!(bytes.starts_with(&again));
            prop_assert_eq!(whole.is_ok(), found.len() == width && again == bytes);
            prop_assert_eq!(clip(bytes, width), again);
        }
    }
}
