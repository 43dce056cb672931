//! Issuers that come, change and go while the daemon runs.

use super::issuer::Issuer;
use super::site::{RULES, Site, code, table};
use super::token::{AUDIENCE, Draft, ORIGIN, published};
use crate::support::{Response, until_says};
use crate::tls::site::until;
use std::fs;
use std::path::Path;

fn refused_with(answer: &Response, status: u16, expected: &str) -> bool {
    answer.status == status && code(answer) == expected
}

fn table_in(folder: &Path, issuer: &Issuer, name: &str) -> String {
    fs::write(folder.join(name), &issuer.ca).unwrap();
    table(issuer, &folder.join(name))
}

#[test]
fn a_reload_adds_changes_and_removes_issuers() {
    let (one, two) = (Issuer::new(&published()), Issuer::new(&published()));
    let site = Site::of(&one);
    let folder = site.folder.path();
    site.until_known(&[&one]);
    let (first, second) = (table_in(folder, &one, "1.pem"), table_in(folder, &two, "2.pem"));
    let (of_one, of_two) = (Draft::of(&one.url).sign(), Draft::of(&two.url).sign());
    site.append("a", &of_one).expect(201);
    assert_eq!(code(&site.append("a", &of_two).expect(401)), "token.issuer");

    // Another file of the same CA makes it another issuer, whose keys are fetched anew.
    site.reload(&format!("{first}{RULES}{second}{RULES}"));
    until("the second is there", || site.append("b", &of_two).status == 201);
    site.append("c", &of_one).expect(201);
    assert_eq!((one.asked().len(), two.asked().len()), (4, 2));

    // Rules alone: who a token's bearer is stays known, and what it may do is another thing from the next request on.
    let reading = "[[issuer.rule]]\nmatch = [\"repository_id=123456\"]\nroles = [\"read\"]\n";
    site.reload(&format!("{first}{reading}{second}{RULES}"));
    until("the rule is another one", || refused_with(&site.append("d", &of_one), 403, "role.denied"));
    site.get("/v1/records", &of_one).expect(200);
    site.append("d", &of_two).expect(201);
    assert_eq!((one.asked().len(), two.asked().len()), (4, 2), "nothing was fetched for that");

    let other = first.replace(AUDIENCE, "another");
    site.reload(&format!("{other}{RULES}{second}{RULES}"));
    until("the audience is another one", || refused_with(&site.append("e", &of_one), 401, "token.audience"));
    site.append("e", &Draft::of(&one.url).claim("aud", "another").sign()).expect(201);
    site.append("e", &of_two).expect(201);

    site.reload(&format!("{first}{RULES}"));
    until("the second is gone", || refused_with(&site.append("f", &of_two), 401, "token.issuer"));
    site.append("g", &of_one).expect(201);
    site.says_nothing_of(&[of_one, of_two]);
}

#[test]
fn a_reload_that_is_wrong_changes_nothing_and_none_opens_the_log() {
    let (site, issuer) = Site::with_issuer();
    let token = Draft::of(&issuer.url).sign();
    site.append("a", &token).expect(201);
    let good = table_in(site.folder.path(), &issuer, "ca.pem");
    let later = good.replace("[[issuer]]", "[[issuer]]\npreset = \"github\"");
    let of_origin = good.replace(AUDIENCE, ORIGIN);
    let bound = good.replace(AUDIENCE, &format!("{ORIGIN}:x"));
    for (number, (tables, reason)) in [
        (format!("{later}{RULES}"), "preset"),
        (format!("{of_origin}{RULES}"), "audience"),
        (format!("{bound}{RULES}"), "audience"),
        (good.clone(), "rule"),
        (format!("{good}{RULES}{good}{RULES}"), "expected one [[issuer]]"),
        // Without issuers everybody would be let in.
        (String::new(), "issuer"),
    ]
    .into_iter()
    .enumerate()
    {
        site.reload(&tables);
        let refusals = || {
            let logged = site.logged();
            logged
                .lines()
                .filter(|line| line.contains("were not reloaded"))
                .map(String::from)
                .collect::<Vec<_>>()
        };
        until(reason, || refusals().len() == number + 1);
        assert!(refusals()[number].contains(reason), "{reason}: {}", refusals()[number]);
        site.append("b", &token).expect(201);
        assert_eq!(code(&site.daemon.get("/v1/records").expect(401)), "caller.missing");
    }
    let asked = issuer.asked().len();
    assert_eq!(asked, 2, "the issuer and its keys stayed");
    site.reload(&format!("{good}{RULES}"));
    until_says(&site.path("log"), "are the same");
    site.append("c", &token).expect(201);
}
