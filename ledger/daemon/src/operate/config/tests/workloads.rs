//! Issuers and trust domains, and the rules of their workloads.

use super::{of_file, told};
use crate::access::role::Role;
use crate::access::workloads::{Match, Pattern, Rule};
use crate::identity::issuer::KeySource;
use std::path::Path;

/// A file with one issuer: these lines of its own, and a rule with these.
pub(super) fn issuer(own: &str, rule: &str) -> String {
    format!("[[issuer]]\n{own}\n[[issuer.rule]]\n{rule}\n")
}

const GITHUB: &str =
    "url = \"https://token.actions.githubusercontent.com\"\npreset = \"github\"\naudience = \"a\"";
pub(super) const PLAIN: &str = "url = \"https://a.example\"\naudience = \"a\"";

/// The line of an issuer that has this preset.
pub(super) fn preset(name: &str) -> String {
    format!("{PLAIN}\npreset = \"{name}\"")
}

/// A file with one trust domain: these lines of its own, and a rule with these.
pub(super) fn domain(own: &str, rule: &str) -> String {
    format!("[[trust_domain]]\n{own}\n[[trust_domain.rule]]\n{rule}\n")
}

#[test]
fn trust_domains_have_a_bundle_somewhere_and_rules_of_spiffe_ids() {
    let one = domain(
        "name = \"example.org\"\nbundle_file = \"/b\"\naudience = \"a\"",
        "match = [\"sub=spiffe://example.org/ci/*\", \"sub=spiffe://example.org/deploy\"]\nroles = [\"append\"]\nkinds = [\"scan\"]",
    );
    let two = domain(
        "name = \"other.example\"\nbundle_url = \"https://o.example:8443/\"\nca = \"/c\"",
        "match = [\"sub=spiffe://other.example/*\"]\nroles = [\"read\"]",
    );
    let plain = issuer(PLAIN, "match = [\"sub=a*\"]\nroles = [\"read\"]");
    let config = of_file(&format!("{two}{one}{plain}"), &[]).unwrap();
    let issuers = config.live.issuers();
    let told: Vec<_> =
        issuers.iter().map(|it| (it.name.to_string(), it.audience.as_deref(), &it.keys)).collect();
    assert_eq!(
        told,
        [
            ("https://a.example".into(), Some("a"), &KeySource::Discovery),
            ("spiffe://other.example".into(), None, &KeySource::Url("https://o.example:8443/".into())),
            ("spiffe://example.org".into(), Some("a"), &KeySource::File("/b".into())),
        ]
    );
    assert_eq!(issuers[1].ca.as_deref(), Some(Path::new("/c")));
    let [rule] = &config.live.rules[2].rules[..] else { panic!("one rule") };
    let values = vec![
        Pattern::StartsWith("spiffe://example.org/ci/".into()),
        Pattern::Is("spiffe://example.org/deploy".into()),
    ];
    assert_eq!(rule.matches, [Match { claim: "sub".into(), values }]);
    assert!(rule.excludes.is_empty() && rule.kinds == ["scan"]);
}

#[test]
fn issuers_have_keys_somewhere_and_rules_in_their_order() {
    let one = issuer(
        &format!("{GITHUB}\njwks_url = \"https://b.example/jwks\"\nca = \"/c\""),
        "match = [\"ref=refs/heads/main\", \"repository_id=1\", \"ref=refs/tags/v*\"]\nroles = [\"append\"]\nkinds = [\"scan\"]\nenvironments = [\"staging\"]\n[[issuer.rule]]\nmatch = [\"repository_owner_id=2\", \"event_name=push\"]\nroles = [\"read\", \"audit\"]",
    );
    let two = issuer(PLAIN, "match = [\"sub=a*\"]\nroles = [\"read\"]");
    let three = issuer(
        "url = \"https://kubernetes.default.svc\"\naudience = \"a\"\npreset = \"kubernetes\"\njwks_file = \"/k\"",
        "match = [\"kubernetes.io/namespace=ci\", \"kubernetes.io/serviceaccount/name=deployer\"]\nroles = [\"append\"]",
    );
    let config = of_file(&format!("{one}{two}{three}"), &[]).unwrap();
    let issuers = config.live.issuers();
    let keys: Vec<&KeySource> = issuers.iter().map(|issuer| &issuer.keys).collect();
    assert_eq!(
        keys,
        [
            &KeySource::Url("https://b.example/jwks".into()),
            &KeySource::Discovery,
            &KeySource::File("/k".into())
        ]
    );
    let urls: Vec<String> = issuers.iter().map(|issuer| issuer.name.to_string()).collect();
    assert_eq!(
        urls,
        [
            "https://token.actions.githubusercontent.com",
            "https://a.example",
            "https://kubernetes.default.svc"
        ]
    );
    assert_eq!(issuers[0].ca.as_deref(), Some(Path::new("/c")));
    let is = |text: &str| Pattern::Is(text.into());
    let demand = |claim: &str, values: &[Pattern]| Match { claim: claim.into(), values: values.into() };
    let expected = [
        Rule {
            matches: vec![
                demand("ref", &[is("refs/heads/main"), Pattern::StartsWith("refs/tags/v".into())]),
                demand("repository_id", &[is("1")]),
            ],
            excludes: vec![demand("event_name", &[is("pull_request"), is("pull_request_target")])],
            roles: vec![Role::Append],
            kinds: vec!["scan".into()],
            environments: vec!["staging".into()],
        },
        Rule {
            matches: vec![demand("repository_owner_id", &[is("2")]), demand("event_name", &[is("push")])],
            excludes: vec![],
            roles: vec![Role::Read, Role::Audit],
            kinds: vec![],
            environments: vec![],
        },
    ];
    assert_eq!(config.live.rules[0].rules, expected);
    assert!(config.live.rules[1].rules[0].excludes.is_empty());
    let told = told(&config);
    let (_, told) = told.iter().find(|(key, _)| *key == "issuer").unwrap();
    assert!(told.contains("rule = [{ match = [\"ref=refs/heads/main\", "), "{told}");
}

/// Each preset, and rules that don't say whose workloads they are for.
#[test]
fn a_rule_names_what_is_never_given_again() {
    let refused = |own: &str, words: &[&str], expected: &str| {
        let error = of_file(&issuer(own, &format!("match = {words:?}\nroles = [\"read\"]")), &[]);
        match (error, expected) {
            (Ok(_), "") => {}
            (Err(error), _) if !expected.is_empty() => assert!(error.contains(expected), "{error}"),
            (other, _) => panic!("{own} {words:?}: {:?}", other.map(drop)),
        }
    };
    let github = "match: expected repository_id or repository_owner_id among the names, without a *, got ";
    let digits = "match: expected repository_id= and all digits of a number, got ";
    for (words, expected) in [
        (&["repository_id=1"][..], ""),
        (&["repository_owner_id=1", "repository=a/b"], ""),
        (&["repository_id=1", "repository_id=2", "event_name=pull_request"], ""),
        (&["repository=a/b"], github),
        (&["sub=repo:a/b"], github),
        (&["repository_id=1*"], digits),
        (&["repository_id=1", "repository_id=*"], digits),
        (&["repository_id="], digits),
        (&["repository_id=a/b"], digits),
        (&["repository_id=1", "repository_owner_id=x"], "expected repository_owner_id= and all digits"),
        (&["repository_id=1", "event_name=*"], "expected event_name= and an event without a *, got \"*\""),
        (&["repository_id=1", "event_name=push", "event_name=pull*"], "without a *, got \"pull*\""),
    ] {
        refused(GITHUB, words, expected);
    }
    for (words, expected) in [
        (&["project_id=1"][..], ""),
        (&["namespace_id=1", "ref_protected=true"], ""),
        (&["project_path=a/b"], "expected project_id or namespace_id among the names"),
        (&["project_id=a/b"], "expected project_id= and all digits"),
        // A number of another issuer's is a text like others.
        (&["project_id=1", "repository_id=*"], ""),
        (&["project_id=1", "event_name=*"], ""),
    ] {
        refused(&preset("gitlab"), words, expected);
    }
    let (space, account) = ("kubernetes.io/namespace=ci", "kubernetes.io/serviceaccount/name=d");
    for (words, is_taken) in [
        (&[space, account][..], true),
        (&["sub=system:serviceaccount:ci:d"], true),
        (&["sub=system:serviceaccount:ci:d", "kubernetes.io/namespace=*"], true),
        (&[space], false),
        (&[account], false),
        (&[space, "kubernetes.io/serviceaccount/name=*"], false),
        (&["kubernetes.io/namespace=*", account], false),
        (&["sub=system:*"], false),
    ] {
        let expected =
            "expected kubernetes.io/namespace and kubernetes.io/serviceaccount/name, or sub, among";
        refused(&preset("kubernetes"), words, if is_taken { "" } else { expected });
    }
    let whatever = "match: expected a name whose every value has more than a *";
    for (words, expected) in [
        (&["sub=a*"][..], ""),
        (&["sub=*", "ref=a"], ""),
        (&["ref="], ""),
        (&["sub=*"], whatever),
        (&["sub=*", "ref=*"], whatever),
        (&["sub=a", "sub=*"], whatever),
    ] {
        refused(PLAIN, words, expected);
    }
}
