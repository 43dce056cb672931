//! Workloads of a SPIRE: its server and agent run on loopback, and what they sign is taken by the log, and proven by `provlog verify`,
//! before and after their keys change. `.ci/spire` builds them; `.ci/run` with `SPIRE=1` does that, and runs what is ignored here.

mod domain;
mod log;
mod others;

use crate::oidc::site::code;
use crate::oidc::token::AUDIENCE;
use crate::tls::site::until;
use domain::{Domain, Svid};
use log::Log;
use others::demand_of_others;

/// All that a workload does with what it has, under names of its own; the receipts that prove it.
fn append(domain: &Domain, log: &Log, name: &str, token: &str, svid: &Svid) -> [String; 5] {
    log.append_as_bearer(token);
    log.append_over_tls(svid);
    let [by_token, by_certificate] = log.append_by_agent(domain, name);
    [
        by_token,
        by_certificate,
        log.append_bound(domain, &format!("{name}-jwt")),
        log.append_signed(token, svid, &format!("{name}-x509")),
        log.append_by_command(svid, &format!("{name}-command")),
    ]
}

#[test]
#[ignore = "SPIRE, which .ci/spire builds"]
fn what_it_signs_is_taken_and_proven_before_and_after_its_keys_change() {
    let domain = Domain::new();
    let [first, second] = ["first.json", "second.json"].map(|name| domain.path(name));
    domain.publish(&first);
    let (log, elsewhere) = (Log::of(&domain), log::fetching(&domain));
    let (token, svid) = (domain.jwt(AUDIENCE), domain.x509("first"));
    demand_of_others(&first, AUDIENCE, &token, &svid, true);
    let old = append(&domain, &log, "first", &token, &svid);
    // On a machine that is busy with other things a fetch may fail, and is tried again.
    until("the bundle was fetched", || elsewhere.append("a", &token).status == 201);

    let (new_token, new_svid) = domain.rotate(AUDIENCE, "second");
    assert_eq!(
        code(&log.site.append("a", &new_token).expect(401)),
        "token.key",
        "its key is in no bundle here"
    );
    until("the new bundle was fetched", || elsewhere.append("b", &new_token).status == 201);
    assert_eq!(code(&elsewhere.append("c", &token).expect(401)), "token.key");
    domain.publish(&second);
    domain.publish(&log.bundle());
    demand_of_others(&second, AUDIENCE, &new_token, &new_svid, true);
    let new = append(&domain, &log, "second", &new_token, &new_svid);
    demand_of_others(&second, AUDIENCE, &token, &svid, false);
    assert_eq!(code(&log.site.append("a", &token).expect(401)), "token.key");
    log.refuse_over_tls(&svid);

    for (receipts, bundle, other) in [(&old, &first, &second), (&new, &second, &first)] {
        for receipt in receipts {
            assert_eq!(log.verify(receipt, bundle), ("pass".into(), Some(0)), "{receipt}");
            assert_eq!(log.verify(receipt, other), ("fail".into(), Some(3)), "{receipt}");
        }
    }
    log.site.says_nothing_of(&[token, new_token]);
}
