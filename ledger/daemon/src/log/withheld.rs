//! What the log shows to nobody yet: a token that is bound to an entry, while it could still be sent (SPEC.md, section 12.3). It is good for
//! that entry alone, and whoever sent it has it in the answer; nobody else gets to try what else it may be good for.

use provlog_core::Entry;
use provlog_core::cbor::Value;
use provlog_core::record::{AnyRecord, Record};
use provlog_evidence::jwt::{BOUND_VALID_S_MAX, SKEW_MS, UnverifiedToken};

/// The attested claim that has the token.
const EVIDENCE: &str = "workload_evidence";

/// After an entry's time no token in it holds for longer, in milliseconds: the entry's time is at most a minute before the token's first
/// second, which is at most so long before its last, and that holds a minute more.
const HELD_MS_MAX: u64 = BOUND_VALID_S_MAX * 1_000 + 2 * SKEW_MS;

/// A record's bytes, as they may be shown at this time.
pub(crate) fn shown(entry: &Entry, record: Vec<u8>, now_ms: u64) -> Vec<u8> {
    let is_old = now_ms > entry.time_ms.get().saturating_add(HELD_MS_MAX);
    if is_old || !record.windows(EVIDENCE.len()).any(|bytes| bytes == EVIDENCE.as_bytes()) {
        return record;
    }
    match Record::parse(&record) {
        Ok(AnyRecord::Known(mut record)) => {
            withhold(&mut record, now_ms);
            record.to_bytes()
        }
        // It has no attested claims that anybody knows of.
        _ => record,
    }
}

/// Hides what a record has that may not be shown at this time.
pub(crate) fn withhold(record: &mut Record, now_ms: u64) {
    if record.attested.value(EVIDENCE).is_some_and(|evidence| holds(evidence, now_ms)) {
        record.attested.hide(EVIDENCE);
    }
}

/// Whether a token is in it that holds still. Of one that can't be read nobody knows that it doesn't.
fn holds(evidence: &Value, now_ms: u64) -> bool {
    let token = evidence.as_map().and_then(|map| map.get("token")?.as_text());
    let ended = |token| UnverifiedToken::parse(token).is_ok_and(|token| now_ms > token.window().to_ms);
    token.is_some_and(|token| !ended(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signing::{NOW_MS, Signer};
    use provlog_core::Kind;
    use provlog_core::encoded::Sealed;
    use provlog_core::entry::TimeMs;
    use provlog_core::record::{Claim, Section};

    /// An entry of this time with this evidence, and its record.
    fn stored(time_ms: u64, evidence: Value) -> (Entry, Vec<u8>) {
        let claims = vec![(EVIDENCE.to_owned(), Claim::disclosed([1; 16], evidence))];
        let attested = Section::from_claims(claims).unwrap();
        let sealed = Sealed::new(Kind::new(22).unwrap(), &Section::default(), &attested).unwrap();
        let entry = sealed.entry(TimeMs::new(time_ms).unwrap());
        (entry, sealed.record(&entry).unwrap())
    }

    #[test]
    fn a_token_is_hidden_to_the_last_millisecond_that_it_holds() {
        let token = Signer::new("one").token("https://a.example", "job", "aud");
        let end_ms = NOW_MS + 600_000 + SKEW_MS;
        let jwt = |token: &str| Value::map([("format", "jwt".into()), ("token", token.into())]);
        let svid = Value::map([("format", "x509-svid".into()), ("signature", Value::Bytes(vec![1]))]);
        for (evidence, now_ms, is_shown) in [
            (jwt(&token), NOW_MS, false),
            (jwt(&token), end_ms, false),
            (jwt(&token), end_ms + 1, true),
            (jwt("no token"), end_ms + 1, false),
            (jwt("no token"), NOW_MS + HELD_MS_MAX, false),
            (jwt("no token"), NOW_MS + HELD_MS_MAX + 1, true),
            (svid, NOW_MS, true),
            ("workload_evidence".into(), NOW_MS, true),
        ] {
            let (entry, record) = stored(NOW_MS, evidence.clone());
            let bytes = shown(&entry, record.clone(), now_ms);
            assert_eq!(bytes == record, is_shown, "{evidence:?} at {now_ms}");
            let Ok(AnyRecord::Known(read)) = Record::parse(&bytes) else { panic!("{bytes:?}") };
            assert!(read.digests_match(), "hidden or not, it is the entry's");
            assert_eq!(read.attested.value(EVIDENCE).is_some(), is_shown);
        }
    }

    /// However late an entry comes, and however long its token holds, it isn't old before the token has ended.
    #[test]
    fn no_entry_is_old_while_its_token_holds() {
        let (iat_s, exp_s) = (NOW_MS / 1_000, NOW_MS / 1_000 + BOUND_VALID_S_MAX);
        let earliest_ms = iat_s * 1_000 - SKEW_MS;
        assert_eq!(earliest_ms + HELD_MS_MAX, exp_s * 1_000 + SKEW_MS);
    }
}
