//! Whether the workload is the one that its evidence says, and who says so beside the log.

use super::identity::Identity;
use super::made::{Made, NOT_DISCLOSED, Shown, VOUCHED, check_member, shown};
use crate::believed::Believed;
use crate::jwk::Thumbprint;
use crate::jwt::{Issuer, IssuerKeys, JwtError, UnverifiedBoundToken, UnverifiedToken};
use crate::svid::{DomainCas, SignedSvid, UnverifiedSvid};
use crate::workload::Workload;
use provlog_core::cbor::{Map, Value};
use provlog_core::check::Check;
use provlog_core::claims::check_claim;
use provlog_core::record::{Record, SectionName};

/// Evidence that has its form, and so far nobody's word behind it but the log's.
enum Formed<'a> {
    Token { token: UnverifiedBoundToken<'a>, key: Thumbprint },
    Svid { svid: SignedSvid<'a>, ca: [u8; 32] },
}

pub(super) const FORM: &str = "workload-form";
pub(super) const BOUND: &str = "workload-bound";

/// What came of both checks.
pub(super) struct WorkloadMade {
    pub(super) form: Made,
    pub(super) bound: Made,
    /// What the evidence is checked with; none where `form` doesn't pass.
    pub(super) signer: Option<EvidenceKey>,
}

/// A key or CA, and who has to be the one that it is of.
pub(super) struct EvidenceKey {
    pub(super) of: Issuer,
    pub(super) is: Identity,
}

/// Without a record, its version is unknown.
pub(super) fn checks(
    believed: &Believed,
    require_bound: bool,
    record: Option<&Record>,
    origin: &str,
) -> Vec<Check> {
    let bound = |made: Made| made.required(require_bound).named(BOUND);
    let only = |made: Made| Vec::from_iter(require_bound.then(|| bound(made)));
    let Some(record) = record else { return only(Made::failed("the entry's version is not known")) };
    match made(believed, record, origin) {
        Some(made) => Vec::from([made.form.named(FORM), bound(made.bound)]),
        None => only(no_evidence()),
    }
}

/// Where nothing is listed, and the entry has to be bound.
pub(super) fn no_evidence() -> Made {
    Made::failed("there is no evidence")
}

/// None: there is no evidence, and none is claimed.
pub(super) fn made(believed: &Believed, record: &Record, origin: &str) -> Option<WorkloadMade> {
    let evidence = shown(record, SectionName::Attested, "workload_evidence");
    let workload = shown(record, SectionName::Attested, "workload");
    let is_claimed = matches!(workload, Shown::Value(value) if claims_evidence(value));
    if matches!(evidence, Shown::Nothing) && !is_claimed {
        return None;
    }
    Some(match form(&evidence, &workload, record, origin) {
        Ok(formed) => {
            let (by, signer) = (formed.signer(), formed.key());
            let bound = formed.bound(believed).unwrap_or_else(|made| made).by(&by);
            WorkloadMade { form: Made::passed("fits this entry"), bound, signer: Some(signer) }
        }
        Err(form) => {
            let bound = Made { status: form.status, remark: "workload-form doesn't hold".into() };
            WorkloadMade { form, bound, signer: None }
        }
    })
}

/// Whether a `workload` says that there is evidence of it.
pub(super) fn claims_evidence(workload: &Value) -> bool {
    workload.as_map().and_then(|map| map.get("binding")).and_then(Value::as_text) == Some("statement")
}

/// What doesn't take a key.
fn form<'a>(
    evidence: &Shown<'a>,
    workload: &Shown<'_>,
    record: &Record,
    origin: &str,
) -> Result<Formed<'a>, Made> {
    let (evidence, workload) = match (evidence, workload) {
        (Shown::Hidden, _) | (_, Shown::Hidden) => return Err(Made::skipped(NOT_DISCLOSED)),
        (Shown::Nothing, _) => return Err(Made::failed("workload says that it is bound, without evidence")),
        (Shown::Value(evidence), Shown::Nothing) => (*evidence, None),
        (Shown::Value(evidence), Shown::Value(workload)) => (*evidence, Some(*workload)),
    };
    // Of a later version first: it may be otherwise in everything else.
    let format = evidence.as_map().and_then(|map| map.get("format")).and_then(Value::as_text);
    if let Some(format) = format.filter(|format| !matches!(*format, "jwt" | "x509-svid")) {
        return Err(Made::skipped(format_args!("format {format:?} is not known to this version")));
    }
    check_type("workload_evidence", evidence)?;
    // What fits its type is a map, and has what is taken out of it here.
    let map = evidence.as_map().ok_or_else(|| Made::failed("no map"))?;
    let token = match format {
        Some("jwt") => Some(UnverifiedToken::parse(text(map, "token")).map_err(of_token)?),
        _ => None,
    };
    let workload = workload.ok_or_else(|| Made::failed("evidence without a workload"))?;
    check_type("workload", workload)?;
    map.get("key").or_else(|| map.get("bundle")).map_or(Ok(()), check_member)?;
    let (digest, at_ms) = (&record.entry.submitted_digest.0, record.entry.time_ms.get());
    let (formed, computed) = match token {
        Some(token) => {
            let token = token.of_submission(origin, digest, at_ms).map_err(of_token)?;
            let computed = Workload::of_unverified_token(&token);
            (Formed::Token { token, key: Thumbprint(bytes32(map, "thumbprint")) }, computed)
        }
        None => {
            let chain = map.get("chain").map(Value::items).unwrap_or_default();
            let signature = map.get("signature").and_then(Value::as_bytes).unwrap_or_default();
            let svid =
                UnverifiedSvid::parse(chain.iter().filter_map(Value::as_bytes)).map_err(Made::failed)?;
            let svid = svid.signed(origin, digest, signature, at_ms).map_err(Made::failed)?;
            let computed = Workload::of_signed_svid(&svid);
            (Formed::Svid { svid, ca: bytes32(map, "ca") }, computed)
        }
    };
    check_workload(workload, &computed)?;
    Ok(formed)
}

fn check_type(name: &str, value: &Value) -> Result<(), Made> {
    check_claim(name, value).map_or(Ok(()), |misfit| Err(Made::failed(misfit)))
}

/// An algorithm that isn't listed may be a later version's.
fn of_token(error: JwtError) -> Made {
    match error {
        JwtError::Algorithm(_) => Made::skipped(format_args!("{error}: not known to this version")),
        error => Made::failed(error),
    }
}

/// Whether the workload is what the evidence makes of it, but for when the log looked.
fn check_workload(workload: &Value, computed: &Workload) -> Result<(), Made> {
    let members = workload.as_map().into_iter().flat_map(Map::iter);
    let claimed = members.filter(|(name, _)| *name != "verified_at_ms");
    if claimed.eq(computed.value.iter()) {
        return Ok(());
    }
    let expected = computed.value.get("id").and_then(Value::as_text).unwrap_or_default();
    Err(Made::failed(format_args!("workload isn't what the evidence makes of it: that of {expected}")))
}

fn text<'a>(map: &'a Map, name: &str) -> &'a str {
    map.get(name).and_then(Value::as_text).unwrap_or_default()
}

fn bytes32(map: &Map, name: &str) -> [u8; 32] {
    map.get(name).and_then(Value::as_bytes).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

impl Formed<'_> {
    /// Who would have to have signed.
    fn signer(&self) -> String {
        match self {
            Self::Token { token, .. } => token.issuer().to_string(),
            Self::Svid { svid, .. } => svid.id().trust_domain().to_string(),
        }
    }

    /// The key or CA that the log says it was checked with.
    fn key(&self) -> EvidenceKey {
        match self {
            Self::Token { token, key } => {
                EvidenceKey { of: token.issuer().clone(), is: Identity::Jwk(key.0) }
            }
            Self::Svid { svid, ca } => {
                EvidenceKey { of: Issuer::Spiffe(svid.id().trust_domain().clone()), is: Identity::Ca(*ca) }
            }
        }
    }

    /// Whether it was signed under a key that the reader gave.
    fn bound(self, believed: &Believed) -> Result<Made, Made> {
        match self {
            Self::Token { token, key } => {
                let issuer = token.issuer().clone();
                let keys = believed.keys(&issuer);
                match token.verified(IssuerKeys::by_thumbprint(&issuer, keys, key)) {
                    Ok(_) => Ok(Made::passed("bound by the signature of")),
                    Err(JwtError::NotGiven { .. }) => Err(not_given("this key of")),
                    Err(error) => Err(Made::failed(format_args!("{error}; of"))),
                }
            }
            Self::Svid { svid, ca } => {
                let trust_domain = svid.id().trust_domain().clone();
                let given = believed.cas(&trust_domain).iter().find(|given| given.digest() == ca);
                let Some(given) = given else { return Err(not_given("this CA of")) };
                let cas = DomainCas { trust_domain: &trust_domain, cas: std::slice::from_ref(given) };
                match svid.bound(cas) {
                    Ok(_) => Ok(Made::passed("bound by the signature of")),
                    Err(error) => Err(Made::failed(format_args!("{error}; of"))),
                }
            }
        }
    }
}

fn not_given(what: &str) -> Made {
    Made::skipped(format_args!("{VOUCHED}: not given: {what}"))
}

impl Made {
    fn by(self, signer: &str) -> Self {
        Self { remark: format!("{} {signer}", self.remark), ..self }
    }
}
