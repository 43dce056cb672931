//! Packages whose log has the keys that it says it checked with in its sets, or hasn't (`members`, `SPEC.md` section 12.7).

use super::super::forge::{Files, list, map, record};
use super::super::story::{APPROVERS, Story};
use super::Case;
use crate::vectors::cases::approvals::{ALICE, NAMESPACE, roster};
use crate::vectors::cases::counted::{Promotion, alice};
use crate::vectors::cases::parts::{Members, bytes};
use crate::vectors::cases::svids::Svid;
use crate::vectors::cases::tokens::{Bound, ISSUER, KEY, OTHER_KEY};
use crate::vectors::forge::TIME_MS;
use crate::vectors::reader::Reader;
use base64ct::{Base64, Encoding};
use provlog_core::cbor::Value;

type Ends<'a> = &'a [(&'static str, &'static str)];

pub const JWKS: (&str, &str) = ("jwks", ISSUER);
const BUNDLE: (&str, &str) = ("spiffe-bundle", "example.org");

/// The issuer's key, and another one, as members.
pub fn keys() -> [String; 2] {
    [KEY.jwk("k").to_member(), OTHER_KEY.jwk("k").to_member()]
}

pub fn cases() -> Vec<Case> {
    let mut cases = kinds();
    cases.extend(tokens());
    cases.extend(lines());
    cases
}

/// A token that the reader has the key of, and how `members` ends.
fn token(name: &str, end: &'static str, files: Files) -> Case {
    let checks = [("workload-form", "pass"), ("workload-bound", "pass"), ("members", end)];
    Case::evidence(name, files, Bound::good().reader, &checks)
}

/// An entry with a token, by the member that is named for it.
pub fn bound(story: &mut Story, member: &Members) -> u64 {
    let mut bound = Bound::good();
    bound.evidence.set("key", member.value());
    story.push_of(&bound.forge())
}

/// A log that has the issuer's key in its set, by entry 1; another key is `m02`.
pub fn begun() -> (Story, Members) {
    let mut story = Story::new();
    let [key, other] = keys();
    let index = story.change(JWKS, &[&key, &other], &[]);
    let member = story.member(JWKS, index, "m01");
    (story, member)
}

fn kinds() -> Vec<Case> {
    let mut jwt = Story::new();
    let mut spiffe = Bound::good();
    spiffe.spiffe();
    let key = format!("jwt-svid {}", spiffe.key.jwk("k").to_member());
    let index = jwt.change(BUNDLE, &[&key], &[]);
    spiffe.evidence.set("key", jwt.member(BUNDLE, index, "m01").value());
    let reader = spiffe.reader.clone();
    jwt.push_of(&spiffe.forge());

    let x509 = |text: &dyn Fn(&[u8]) -> String| {
        let (mut story, mut svid) = (Story::new(), Svid::good());
        let index = story.change(BUNDLE, &[&text(&svid.ca())], &[]);
        svid.evidence.set("bundle", story.member(BUNDLE, index, "m01").value());
        let reader = svid.reader();
        story.push_of(&svid.forge());
        (story.files(), reader)
    };
    let checks = |end| [("workload-form", "pass"), ("workload-bound", "pass"), ("members", end)];
    let base64 = |der: &[u8]| Base64::encode_string(der);
    let (good, of_svid) = x509(&|der| format!("x509-svid {}", base64(der)));
    let (other, _) = x509(&|der| format!("x509-svid {}", base64(&der[1..])));
    let (unprefixed, _) = x509(&|der| format!("jwt-svid {}", base64(der)));
    vec![
        Case::evidence("members-jwt-svid", jwt.files(), reader, &checks("pass")),
        Case::evidence("members-x509-svid", good, of_svid.clone(), &checks("pass")),
        Case::evidence("members-x509-svid-other-bytes", other, of_svid.clone(), &checks("fail")),
        Case::evidence("members-x509-svid-as-jwt-svid", unprefixed, of_svid, &checks("fail")),
    ]
}

fn tokens() -> Vec<Case> {
    let [key, other] = keys();
    let good = |change: &dyn Fn(&mut Members)| {
        let (mut story, mut member) = begun();
        change(&mut member);
        bound(&mut story, &member);
        story
    };
    let story = good(&|_| {});
    let (mut behind, member) = begun();
    bound(&mut behind, &member);
    behind.change(JWKS, &["{}"], &[]);
    let (mut removed, _) = begun();
    let hash = removed.claim_hash(1, "m01");
    removed.change(JWKS, &["{}"], &[hash]);
    let removed_member = removed.member(JWKS, 1, "m01");
    bound(&mut removed, &removed_member);
    let (mut older, member) = begun();
    older.change(JWKS, &["{}"], &[]);
    bound(&mut older, &member);
    let (mut newer, _) = begun();
    newer.change(JWKS, &["{}"], &[]);
    let newest = newer.member(JWKS, 1, "m01");
    bound(&mut newer, &newest);
    let mut elsewhere = Story::new();
    let index = elsewhere.change(("jwks", "https://other.example.com"), &[&key], &[]);
    let member = elsewhere.member(("jwks", "https://other.example.com"), index, "m01");
    bound(&mut elsewhere, &member);
    let mut parts = Story::new();
    let last = parts.change_in(JWKS, &[&[&other], &[&key]], &[]);
    let member = parts.member(JWKS, last, "m01");
    bound(&mut parts, &member);
    let mut ahead = Story::new();
    ahead.change(JWKS, &[&key], &[]);
    let index = ahead.change(JWKS, &["{}"], &[]);
    let member = ahead.member(JWKS, 1, "m01");
    let ahead = {
        let (mut story, _) = begun();
        let mut member = member;
        member.set("set", ahead.reference(index).value());
        bound(&mut story, &member);
        story
    };
    let fails = |name, change: &dyn Fn(&mut Members)| token(name, "fail", good(change).files());
    vec![
        token("members-jwks", "pass", story.files()),
        token("members-jwks-selected", "pass", story.without(&[0])),
        token("members-not-given", "skip", story.without(&[1])),
        token("members-change-not-there", "fail", ahead.files()),
        token("members-change-not-there-in-a-selection", "skip", ahead.without(&[0])),
        token("members-set-changed-behind", "pass", behind.files()),
        token("members-after-two-changes", "pass", newer.files()),
        token("members-removed", "fail", removed.files()),
        token("members-change-not-the-newest", "fail", older.files()),
        token("members-change-not-the-newest-in-a-selection", "fail", older.without(&[0])),
        token("members-newest-change-not-given", "skip", newer.without(&[2])),
        token("members-of-another-issuer", "fail", elsewhere.files()),
        token("members-of-two-parts", "pass", parts.files()),
        token("members-of-two-parts-one-not-given", "skip", parts.without(&[1])),
        token("members-text-hidden", "skip", story.hiding(1, "m01")),
        token("members-other-text-hidden", "pass", story.hiding(1, "m02")),
        token("members-trust-hidden", "skip", story.hiding(1, "trust")),
        fails("members-other-claim", &|member| member.set("claim", "m02".into())),
        fails("members-other-claim-hash", &|member| member.set("claim_hash", bytes(&[1; 32]))),
        fails("members-other-index", &|member| member.set("index", Value::Integer(0))),
        fails("members-other-leaf-hash", &|member| member.set("leaf_hash", bytes(&[1; 32]))),
        fails("members-set-other-leaf-hash", &|member| {
            member.set("set", super::super::story::reference((1, provlog_core::Hash([1; 32]))));
        }),
        fails("members-another-key", &|member| {
            let story = begun().0;
            *member = story.member(JWKS, 1, "m02");
        }),
    ]
}

/// A promotion that counts alice's approval, by this line of the log's roster.
fn lines() -> Vec<Case> {
    let line = |options: &str, key: &str| format!("alice,{ALICE} {options}{key}");
    let counted = |name: &str, line: &str, end: &'static str, change: fn(&mut Members)| {
        let mut story = Story::new();
        let index = story.change(APPROVERS, &[line], &[]);
        let mut promotion = Promotion::approved(&[(ALICE, "alice", alice())]);
        promotion.checks[0].set("roster", story.member(APPROVERS, index, "m01").value());
        change(&mut promotion.checks[0]);
        story.push_of(&promotion.forge());
        let reader = Reader { roster: Some(roster()), ..Reader::default() };
        let checks: Ends<'_> = &[("approval", "pass"), ("members", end)];
        Case::evidence(&format!("members-line{name}"), story.files(), reader, checks)
    };
    let key = alice().line();
    let named = format!("namespaces=\"{NAMESPACE}\" ");
    let other = crate::vectors::cases::ssh::Signer::new("bob").line();
    let same = |_: &mut Members| {};
    // What hides its claim leaves no set known, for what it names itself either.
    let mut of_trust = Story::new();
    let index = of_trust.change(APPROVERS, &[&line(&named, &key)], &[]);
    let mut check = Promotion::approved(&[(ALICE, "alice", alice())]).checks.remove(0);
    check.set("roster", of_trust.member(APPROVERS, index, "m01").value());
    let trust = [("trust", map(&[("part", Value::Integer(1))]))];
    of_trust.push(record(6, TIME_MS, &trust, &[("approval_checks", list(&[check.value()]))]));
    let by_trust = |name, end, files| Case::evidence(name, files, Reader::default(), &[("members", end)]);
    vec![
        by_trust("members-named-by-trust", "pass", of_trust.files()),
        by_trust("members-named-by-trust-that-is-hidden", "skip", of_trust.hiding(2, "trust")),
        counted("", &line(&named, &key), "pass", same),
        counted("-for-all", &line("", &key), "pass", same),
        counted("-for-git", &line("namespaces=\"git\" ", &key), "fail", same),
        counted("-of-another-key", &line(&named, &other), "fail", same),
        counted("-of-another-person", &line(&named, &key), "fail", |check| check.set("signer", ALICE.into())),
        counted("-not-in-one-form", &line(&named, &format!("{key} comment")), "fail", same),
        counted("-valid", &line("valid-before=\"20260101000000Z\" ", &key), "pass", same),
        counted("-no-longer-valid", &line("valid-before=\"20251231235959Z\" ", &key), "fail", same),
    ]
}
