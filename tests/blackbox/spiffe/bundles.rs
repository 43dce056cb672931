//! Bundles that change, that lie, and that can't be had: who is let in meanwhile.

use super::made::{ID, TOKENS, bundle, jwt_svid, own_bundle, own_root, p256, signs, vouches};
use super::site::{RULES, table};
use crate::oidc::issuer::{Conduct, Issuer, Reply};
use crate::oidc::site::{Site, code};
use crate::oidc::token::{AUDIENCE, Draft};
use crate::support::until_says;
use crate::tls::site::{put, until};
use crate::vectors::keys::{Key, P256, P384};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A token that no daemon has seen.
fn svid() -> String {
    jwt_svid(ID).sign()
}

fn of_file() -> Site {
    Site::with(|folder| {
        put(&folder.join("bundle.json"), &own_bundle());
        table("example.org", &folder.join("bundle.json"))
    })
}

#[test]
fn keys_are_exchanged_with_an_overlap_and_the_old_one_ends_also_where_it_was_known() {
    static NEW: std::sync::LazyLock<Key> = std::sync::LazyLock::new(p256);
    let site = of_file();
    let put = |members: &[String]| put(&site.path("bundle.json"), &bundle(members));
    let (old, new): (String, Draft) = (svid(), jwt_svid(ID).by("new", &NEW));
    site.append("a", &old).expect(201);
    site.append("a", &old).expect(201);
    assert_eq!(code(&site.append("b", &new.sign()).expect(401)), "token.key");
    put(&[signs("rsa", TOKENS), signs("new", &NEW), vouches(&own_root())]);
    for token in [&old, &new.sign(), &svid()] {
        site.append("c", token).expect(201);
    }
    put(&[signs("new", &NEW), vouches(&own_root())]);
    assert_eq!(code(&site.append("d", &old).expect(401)), "token.key");
    site.append("d", &new.sign()).expect(201);
}

/// A name, what makes the file of the bundle bad, whether the keys of the one before go on, and what is logged.
type Row = (&'static str, Box<dyn Fn()>, bool, &'static str);

#[test]
fn a_file_that_cant_be_believed_ends_the_keys_or_leaves_those_before() {
    let site = of_file();
    let path = site.path("bundle.json");
    let private = own_bundle().replacen(r#""kid""#, r#""d":"AAAA","kid""#, 1);
    let write = |text: &str| {
        let path = path.clone();
        let text = text.to_owned();
        move || put(&path, &text)
    };
    let mode = |bits: u32| {
        let path = path.clone();
        move || fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap()
    };
    let huge = own_bundle() + &" ".repeat(256 * 1024);
    let jwks = format!(r#"{{"keys":[{}]}}"#, TOKENS.jwk_json("rsa"));
    let many = bundle(&vec![signs("rsa", TOKENS); 257]);
    let (gone, folder_path) = (path.clone(), path.clone());
    let rows: Vec<Row> = vec![
        ("half of it", Box::new(write(&own_bundle()[..200])), true, "expected a JWKS, got"),
        ("nothing in it", Box::new(write("")), true, "expected a JWKS, got"),
        ("a page", Box::new(write("<html>")), true, "expected a JWKS, got"),
        ("a list", Box::new(write("[]")), true, "which is an object with a list"),
        ("more than any bundle has", Box::new(write(&huge)), true, "expected a JWKS of at most 262144 bytes"),
        ("too many keys", Box::new(write(&many)), true, "at most 256 keys, got 257"),
        ("a private key", Box::new(write(&private)), true, "expected a public key"),
        ("no members", Box::new(write(&bundle(&[]))), false, "got none among 0"),
        ("keys without a use", Box::new(write(&jwks)), false, "use: expected jwt-svid or x509-svid"),
        ("others write it", Box::new(mode(0o666)), false, "expected none to write for others"),
        ("its group writes it", Box::new(mode(0o660)), false, "expected none to write for others"),
        ("it is gone", Box::new(move || fs::remove_file(&gone).unwrap()), false, "cannot read"),
        (
            "a folder",
            Box::new(move || {
                let _ = fs::remove_file(&folder_path);
                fs::create_dir(&folder_path).unwrap();
            }),
            false,
            "expected a regular file",
        ),
    ];
    let mut problems = Vec::new();
    for (name, make_bad, goes_on, said) in rows {
        put(&path, &own_bundle());
        let known = svid();
        site.append(name, &known).expect(201);
        make_bad();
        for token in [known, svid()] {
            let answer = site.append(name, &token);
            let got = if answer.status == 201 { String::new() } else { code(&answer) };
            if (answer.status, &*got) != if goes_on { (201, "") } else { (503, "issuer.keys") } {
                problems.push(format!("{name}: {} {}", answer.status, answer.text()));
            }
        }
        if !site.logged().contains(said) {
            problems.push(format!("{name}: {said} isn't in the log"));
        }
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    put(&path, &own_bundle());
    site.append("good", &svid()).expect(201);
}

const BUNDLE: &str = "/bundle";

fn publishes(text: String) -> Conduct {
    Box::new(move |path| {
        assert_eq!(path, BUNDLE);
        Reply::Json(text.clone())
    })
}

/// A log with one trust domain, whose bundle this publishes.
fn of_endpoint(endpoint: &Issuer) -> Site {
    Site::with(|folder| {
        fs::write(folder.join("ca.pem"), &endpoint.ca).unwrap();
        let (url, ca) = (&endpoint.url, folder.join("ca.pem"));
        let own =
            format!("bundle_url = \"{url}{BUNDLE}\"\nca = \"{}\"\naudience = \"{AUDIENCE}\"", ca.display());
        format!("[[trust_domain]]\nname = \"example.org\"\n{own}\n{}", RULES.replace("DOMAIN", "example.org"))
    })
}

#[test]
fn an_endpoint_that_misbehaves_keeps_its_workloads_waiting_until_it_is_well() {
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let conducts: [(Conduct, &str); 4] = [
        (Box::new(|_| Reply::Bytes(elsewhere.into())), "expected the status 200, got 302"),
        (Box::new(|_| Reply::Endless), "expected at most 262144 bytes, got more"),
        (Box::new(|_| Reply::Json("<html>".into())), "expected a JWKS, got"),
        (publishes(bundle(&[])), "bundle: expected a key with the use jwt-svid"),
    ];
    for (conduct, said) in conducts {
        let endpoint = Issuer::new(&[]);
        endpoint.behave(conduct);
        let site = of_endpoint(&endpoint);
        until_says(&site.path("log"), said);
        let refused = site.append("a", &svid()).expect(503);
        assert_eq!(code(&refused), "issuer.keys", "{said}");
        assert!(refused.header("retry-after").is_some(), "{said}");
        endpoint.behave(publishes(own_bundle()));
        until("it is well", || site.append("b", &svid()).status == 201);
    }
}

#[test]
fn an_endpoint_that_is_down_keeps_out_nobody_whose_key_is_known() {
    let mut endpoint = Issuer::new(&[]);
    endpoint.behave(publishes(own_bundle()));
    endpoint.down();
    let site = of_endpoint(&endpoint);
    until_says(&site.path("log"), "can't be had");
    assert_eq!(code(&site.append("a", &svid()).expect(503)), "issuer.keys");
    endpoint.up();
    until("it is up", || site.append("b", &svid()).status == 201);
    endpoint.down();
    site.append("c", &svid()).expect(201);
    site.append("d", &svid()).expect(201);
}

#[test]
fn a_new_key_of_an_endpoint_is_fetched_for_its_first_svid() {
    let endpoint = Issuer::new(&[]);
    endpoint.behave(publishes(own_bundle()));
    let site = of_endpoint(&endpoint);
    site.append("a", &svid()).expect(201);
    let asked = endpoint.asked().len();
    endpoint.behave(publishes(bundle(&[signs("rsa", TOKENS), signs("p384", &P384), signs("p256", &P256)])));
    site.append("b", &jwt_svid(ID).by("p256", &P256).sign()).expect(201);
    site.append("c", &svid()).expect(201);
    assert_eq!(endpoint.asked().len(), asked + 1);
}

#[test]
fn a_reload_adds_changes_and_removes_trust_domains_all_or_none() {
    let site = of_file();
    let other = site.path("other.json");
    put(&other, &bundle(&[signs("other", &P256)]));
    let (one, two) = (table("example.org", &site.path("bundle.json")), table("other.example", &other));
    let theirs = || jwt_svid("spiffe://other.example/ci/7").by("other", &P256).sign();
    let ours = svid();
    site.append("a", &ours).expect(201);
    assert_eq!(code(&site.append("a", &theirs()).expect(401)), "token.issuer");
    site.reload(&(one.clone() + &two));
    until("the second is there", || site.append("b", &theirs()).status == 201);
    // One that is wrong takes none of the others with it.
    site.reload(&(one.replace(AUDIENCE, "another") + &two.replace("other.example/ci", "third.example/ci")));
    until_says(&site.path("log"), "expected a SPIFFE ID below spiffe://other.example/");
    site.append("c", &ours).expect(201);
    site.reload(&(one.replace(AUDIENCE, crate::oidc::token::ORIGIN) + &two));
    until_says(&site.path("log"), "issuer spiffe://example.org: bearer audience");
    site.append("c", &ours).expect(201);
    site.reload(&(one.replace(AUDIENCE, "another") + &two));
    until("the audience is another one", || site.append("d", &ours).status == 401);
    site.append("d", &jwt_svid(ID).claim("aud", "another").sign()).expect(201);
    site.reload(&one);
    until("the second is gone", || site.append("e", &theirs()).status == 401);
    site.append("f", &ours).expect(201);
}
