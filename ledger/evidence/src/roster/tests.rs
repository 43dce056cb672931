//! Rosters as people write them, and what each of them says.

use super::*;
use crate::ssh::tests::signed_by;
use base64ct::{Base64, Encoding};
use proptest::prelude::*;

const NAMESPACE: &str = "approval@provlog";

fn key(seed: u8) -> String {
    signed_by(seed, NAMESPACE).key().to_string()
}

/// The same point as that of a key on a device.
fn on_device(key: &str) -> String {
    let blob = Base64::decode_vec(&key["ssh-ed25519 ".len()..]).unwrap();
    let strings = [b"sk-ssh-ed25519@openssh.com", &blob[blob.len() - 32..], b"ssh:"];
    let string = |string: &[u8]| [&u32::try_from(string.len()).unwrap().to_be_bytes(), string].concat();
    format!("sk-ssh-ed25519@openssh.com {}", Base64::encode_string(&strings.map(string).concat()))
}

fn parse(text: &str) -> Result<Roster, RosterError> {
    Roster::parse(text.as_bytes())
}

fn member(text: &str) -> String {
    let roster = parse(text).unwrap();
    let members: Vec<&str> = roster.members().collect();
    assert_eq!(members.len(), 1, "{text}");
    members[0].to_owned()
}

#[test]
fn a_line_has_one_form_however_it_was_written() {
    let key = key(1);
    let cases = [
        (format!("alice {key}"), format!("alice {key}")),
        (format!("# Alice\n\n\t alice \t {} a comment\n", key.replace(' ', "\t ")), format!("alice {key}")),
        (format!("alice,github:1 {key} cert-authority namespaces=\"x\""), format!("alice,github:1 {key}")),
        (
            format!(
                "a#b valid-before=\"20270101Z\",namespaces=\"git,{NAMESPACE}\",valid-after=\"202601010000Z\" {key}"
            ),
            format!(
                "a#b namespaces=\"{NAMESPACE},git\",valid-after=\"20260101000000Z\",valid-before=\"20270101000000Z\" {key}"
            ),
        ),
    ];
    for (text, expected) in cases {
        let found = member(&text);
        assert_eq!(found, expected);
        assert_eq!(member(&found), expected);
        assert_eq!(Roster::from_members([found.as_str()]), parse(&text));
    }
}

#[test]
fn lines_are_refused_for_what_is_wrong_with_them() {
    let (one, two) = (key(1), key(2));
    let long = "a".repeat(65);
    let many = (0..17).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQM=";
    let cases = [
        ("alice".into(), "line 1: expected <principals> [options] <key type> <base64>, got \"alice\""),
        ("\n\nalice ssh-ed25519".into(), "line 3: expected <principals>"),
        (one.clone(), "line 1: expected <principals>"),
        (format!("*@example.com {one}"), "got \"*@example.com\""),
        (format!("alic? {one}"), "got \"alic?\""),
        (format!("a,!b {one}"), "got \"!b\""),
        (format!("\"alice\" {one}"), "principals: expected a name"),
        (format!("\"alice b\" {one}"), "principals: expected a name"),
        (format!("a,,b {one}"), "got \"\""),
        (format!("a, {one}"), "got \"\""),
        (format!("a, b {one}"), "got \"\""),
        (format!("älice {one}"), "principals: expected a name"),
        (format!("{long} {one}"), "1 to 64 visible"),
        (format!("{many} {one}"), "expected 1 to 16 names, got 17"),
        (format!("a,a {one}"), "got \"a\" twice"),
        (format!("alice cert-authority {one}"), "a person's own key"),
        (format!("alice namespaces=\"a\",cert-authority {one}"), "a person's own key"),
        (format!("alice cert-authority,namespaces=\"a\" {one}"), "a person's own key"),
        (format!("alice CERT-AUTHORITY {one}"), "a person's own key"),
        (format!("alice no-touch-required {one}"), "got \"no-touch-required\""),
        (format!("alice touch=\"no\" {one}"), "expected options"),
        (format!("alice NAMESPACES=\"a\" {one}"), "expected options"),
        (format!("alice namespaces=a {one}"), "expected options"),
        (format!("alice namespaces=\"a {one}"), "expected <principals>"),
        (format!("alice namespaces=\"a\", {one}"), "expected options"),
        (format!("alice namespaces=\"a\"valid-after=\"20260101Z\" {one}"), "expected options"),
        (format!("alice namespaces=\"\" {one}"), "namespaces: expected a name"),
        (format!("alice namespaces=\"a,*\" {one}"), "got \"*\""),
        (format!("alice namespaces=\"a b\" {one}"), "got \"a b\""),
        (format!("alice namespaces=\"a\\\" {one}"), "namespaces: expected a name"),
        (format!("alice namespaces=\"a\",namespaces=\"b\" {one}"), "option namespaces: expected it once"),
        (
            format!("alice valid-after=\"20260101Z\",valid-after=\"20260101Z\" {one}"),
            "option valid-after: expected it once",
        ),
        (format!("alice valid-after=\"20260101\" {one}"), "got \"20260101\""),
        (format!("alice valid-after=\"20260101UTC\" {one}"), "got \"20260101UTC\""),
        (format!("alice valid-after=\"20260230Z\" {one}"), "got \"20260230Z\""),
        (format!("alice valid-after=\"19700101Z\" {one}"), "got \"19700101Z\""),
        (
            format!("alice valid-after=\"20260101Z\",valid-before=\"20260101Z\" {one}"),
            "expected a time after valid-after (20260101000000Z), got 20260101000000Z",
        ),
        (format!("alice {rsa}"), "3072 to 8192 bits, got 2"),
        (format!("alice {one}="), "base64"),
        (format!("alice ssh-dss {one}"), "got \"ssh-dss\""),
        (format!("alice ssh-rsa {}", &one[12..]), "expected one of type \"ssh-rsa\""),
        (
            format!("alice {one}\nalice {one}"),
            "line 2: expected a key that no other line has, got that of line 1",
        ),
        (format!("alice {one}\nbob {one}"), "line 2: expected a key that no other line has"),
        (
            format!("alice,x {one}\n\nbob,x {two}"),
            "line 3: principal \"x\": expected an alias of \"bob\" alone, got one of \"alice\"",
        ),
        (format!("alice,x {one}\nx {two}"), "expected an alias of \"x\" alone"),
        (format!("x {one}\nalice,x {two}"), "expected an alias of \"alice\" alone"),
        (format!("alice,x {one}\nbob,X {two}"), "principal \"X\": expected an alias of \"bob\" alone"),
        (format!("alice {one}\nAlice {two}"), "expected an alias of \"Alice\" alone, got one of \"alice\""),
        (
            format!("alice {one}\nbob {}", on_device(&one)),
            "line 2: expected a key that no other line has, got that of line 1",
        ),
        (format!("CORP\\alice {one}"), "principals: expected a name"),
        (format!("alice,#b {one}"), "got \"#b\""),
        (format!("alice namespaces=\"a:b\" {one}"), "got \"a:b\""),
    ];
    for (text, expected) in cases {
        let error = match parse(&text) {
            Ok(roster) => panic!("{text}: {roster:?}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(parse(&format!("alice {one}\r\n")), Err(RosterError::Foreign(Foreign::CarriageReturn(1))));
    assert_eq!(parse(&format!("alice {one}\r# {two}")), Err(RosterError::Characters));
    assert_eq!(Roster::parse(b"# \xff"), Err(RosterError::Characters));
    assert_eq!(parse(&"\n".repeat(ROSTER_LINES_MAX + 1)), Err(RosterError::Lines(ROSTER_LINES_MAX + 1)));
    assert!(parse(&"\n".repeat(ROSTER_LINES_MAX)).is_ok());
    let large = "#".repeat(ROSTER_BYTES_MAX + 1);
    assert_eq!(parse(&large), Err(RosterError::Bytes(ROSTER_BYTES_MAX + 1)));
}

#[test]
fn members_are_in_their_one_form_alone() {
    let key = key(1);
    let others = [
        format!(" alice {key}"),
        format!("alice  {key}"),
        format!("alice {key} comment"),
        format!("alice valid-after=\"20260101Z\" {key}"),
        format!("alice valid-before=\"20260101000000Z\",namespaces=\"a\" {key}"),
        format!("alice namespaces=\"b,a\" {key}"),
        format!("#alice {key}"),
        format!("alice {key}\n"),
        String::new(),
    ];
    for other in others {
        assert!(Roster::from_members([other.as_str()]).is_err(), "{other:?}");
    }
    let (alice, bob) = (member(&format!("alice {key}")), member(&format!("bob {}", self::key(2))));
    let roster = Roster::from_members([bob.as_str(), &alice]).unwrap();
    assert_eq!(roster.members().collect::<Vec<_>>(), [&alice, &bob]);
    assert_eq!(parse(&format!("{bob}\n{alice}\n")), Ok(roster));
}

#[test]
fn lines_of_one_id_are_one_person() {
    let text = format!(
        "alice@example.com,github:1 {}\nbob {}\nalice@example.com,gitlab:6 namespaces=\"git\" {}\n",
        key(1),
        key(2),
        key(3)
    );
    let roster = parse(&text).unwrap();
    let ids: Vec<&str> = roster.persons().map(Person::id).collect();
    assert_eq!(ids, ["alice@example.com", "bob"]);
    let alice = roster.person("gitlab:6").unwrap();
    assert_eq!(alice.aliases().collect::<Vec<_>>(), ["alice@example.com", "github:1", "gitlab:6"]);
    assert_eq!(roster.person("github:1"), Some(alice));
    assert_eq!(roster.person("alice"), None);
    assert_eq!(roster.person("ALICE@example.com"), None);

    let signer = roster.signer(&signed_by(1, NAMESPACE), &[5]).unwrap();
    assert_eq!((signer.person, signer.window), (alice, Window { from_ms: 0, to_ms: (1 << 53) - 1 }));
    assert_eq!(roster.signer(&signed_by(3, "git"), &[5]).unwrap().person, alice);
    let other_use = roster.signer(&signed_by(3, NAMESPACE), &[5]).unwrap_err().to_string();
    assert!(other_use.contains("for the namespace \"approval@provlog\""), "{other_use}");
    let unknown = signed_by(4, NAMESPACE);
    assert_eq!(roster.signer(&unknown, &[5]), Err(NoSigner::Unknown(unknown.key().fingerprint())));
}

#[test]
fn a_line_holds_at_both_of_its_bounds_and_at_all_times_or_not_at_all() {
    let text = format!("alice valid-after=\"20260101Z\",valid-before=\"20260102Z\" {}", key(1));
    let (roster, signed) = (parse(&text).unwrap(), signed_by(1, NAMESPACE));
    let (from, to) = (1_767_225_600_000, 1_767_312_000_999);
    for (times, holds) in [
        (&[from][..], true),
        (&[to], true),
        (&[from - 1], false),
        (&[to + 1], false),
        (&[from, to], true),
        (&[from, to + 1], false),
        (&[from - 1, to], false),
        (&[], false),
    ] {
        assert_eq!(roster.signer(&signed, times).is_ok(), holds, "{times:?}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_as_what_reads_as_the_same(
        names in prop::collection::btree_set("[a-z=@:.%-][a-z#=@:.%-]{0,8}", 1..5),
        namespaces in prop::option::of(prop::collection::btree_set("[A-Za-z0-9@._-]{1,8}", 1..4)),
        times in prop::option::of((1..200_000_000_000u64, 1..1_000_000u64)),
        comment in "[ -~]{0,20}", blanks in "[ \t]{1,3}",
    ) {
        let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(",");
        let mut options = Vec::new();
        if let Some((after, length)) = times {
            options.push(format!("valid-before=\"{}\"", crate::time::to_compact(after + length)));
            options.push(format!("valid-after=\"{}\"", crate::time::to_compact(after)));
        }
        options.extend(namespaces.as_ref().map(|names| format!("namespaces=\"{}\"", join(names))));
        let fields = [join(&names), options.join(","), key(1), comment];
        let text = fields.into_iter().filter(|field| !field.is_empty()).collect::<Vec<_>>().join(&blanks);
        let roster = parse(&text).unwrap();
        prop_assert_eq!(Roster::from_members(roster.members()), Ok(roster.clone()), "{}", text);
        let file = roster.members().collect::<Vec<_>>().join("\n");
        prop_assert_eq!(parse(&file), Ok(roster));
    }

    #[test]
    fn text_of_any_sort_is_read_without_a_panic(text in "[a-z \t\"=,#\n]{0,60}(ssh-ed25519|valid-after=\"|namespaces=)?[ -~]{0,60}") {
        let _ = parse(&text);
    }
}
