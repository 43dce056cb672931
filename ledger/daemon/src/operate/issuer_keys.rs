//! What is told of issuers' keys, as it is when somebody asks: an issuer that is configured no more is told of no more.

use crate::identity::issuers::Issuers;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The issuers, once there are any.
#[derive(Clone, Debug, Default)]
pub(super) struct WatchedIssuers(Arc<OnceLock<Issuers>>);

impl WatchedIssuers {
    /// Tells of these from now on.
    pub(super) fn watch(&self, issuers: Issuers) {
        // A daemon has them once.
        let _ = self.0.set(issuers);
    }
}

impl Collector for WatchedIssuers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let standing = self.0.get().map(Issuers::standing).unwrap_or_default();

        let help = "Keys of an issuer that can be used now, and of a trust domain its CAs.";
        let mut family = encoder.encode_descriptor("issuer_keys", help, None, MetricType::Gauge)?;
        for issuer in &standing {
            let keys = i64::try_from(issuer.keys + issuer.cas.unwrap_or_default()).unwrap_or(i64::MAX);
            ConstGauge::new(keys).encode(family.encode_family(&[("issuer", &*issuer.issuer)])?)?;
        }

        let help = "CAs among these, that X.509-SVIDs are verified with.";
        let mut family = encoder.encode_descriptor("issuer_cas", help, None, MetricType::Gauge)?;
        for issuer in &standing {
            let Some(cas) = issuer.cas else { continue };
            let cas = i64::try_from(cas).unwrap_or(i64::MAX);
            ConstGauge::new(cas).encode(family.encode_family(&[("issuer", &*issuer.issuer)])?)?;
        }

        let help = "When keys of an issuer were last fetched, since the Unix epoch.";
        let (name, unit) = ("issuer_keys_fetched_timestamp", Some(&Unit::Seconds));
        let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for issuer in &standing {
            let Some(fetched_s) = issuer.fetched_s else { continue };
            let fetched_s = i64::try_from(fetched_s).unwrap_or(i64::MAX);
            ConstGauge::new(fetched_s).encode(family.encode_family(&[("issuer", &*issuer.issuer)])?)?;
        }

        let help = "Whether the last attempt to get an issuer's keys came to nothing.";
        let mut family = encoder.encode_descriptor("issuer_keys_failing", help, None, MetricType::Gauge)?;
        for issuer in &standing {
            let failing = i64::from(issuer.is_failing);
            ConstGauge::new(failing).encode(family.encode_family(&[("issuer", &*issuer.issuer)])?)?;
        }

        let help = "Attempts to get an issuer's keys, by what became of them.";
        let mut family = encoder.encode_descriptor("issuer_fetches", help, None, MetricType::Counter)?;
        for issuer in &standing {
            for (outcome, count) in issuer.attempts {
                let labels = [("issuer", &*issuer.issuer), ("outcome", outcome.name())];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::issuer::{Issuer, KeySource};
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use provlog_evidence::jwt;
    use provlog_evidence::spiffe::TrustDomain;
    use std::fs;

    #[test]
    fn what_is_told_of_issuers_is_what_there_is_now() {
        let watched = WatchedIssuers::default();
        let mut registry = Registry::with_prefix("provlog");
        registry.register_collector(Box::new(watched.clone()));
        let told = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            text
        };
        let names = [
            "issuer_keys gauge",
            "issuer_cas gauge",
            "issuer_keys_fetched_timestamp_seconds gauge",
            "issuer_keys_failing gauge",
            "issuer_fetches counter",
        ];
        for name in names {
            assert!(told().contains(&format!("# TYPE provlog_{name}\n")), "{}", told());
        }
        let issuers = Issuers::default();
        watched.watch(issuers.clone());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks");
        fs::write(&path, "{}").unwrap();
        let name = jwt::Issuer::Oidc("https://a.example".into());
        let keys = KeySource::File(path.clone());
        issuers.replace(vec![Issuer { name, audience: Some("a".into()), keys, ca: None }]).unwrap();
        let key =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;
        assert!(told().contains("\nprovlog_issuer_keys{issuer=\"https://a.example\"} 0\n"), "{}", told());
        let failing = "\nprovlog_issuer_keys_failing{issuer=\"https://a.example\"} 1\n";
        assert!(told().contains(failing), "{}", told());
        let draft = folder.path().join("new");
        fs::write(&draft, format!(r#"{{"keys":[{key}]}}"#)).unwrap();
        fs::rename(draft, &path).unwrap();
        let text = told();
        for line in [
            "provlog_issuer_keys{issuer=\"https://a.example\"} 1",
            "provlog_issuer_keys_failing{issuer=\"https://a.example\"} 0",
            "provlog_issuer_fetches_total{issuer=\"https://a.example\",outcome=\"taken\"} 1",
            "provlog_issuer_fetches_total{issuer=\"https://a.example\",outcome=\"unanswered\"} 0",
            "provlog_issuer_fetches_total{issuer=\"https://a.example\",outcome=\"refused\"} 1",
        ] {
            assert!(text.lines().any(|got| got == line), "{line}\n{text}");
        }
        assert!(!text.contains("\nprovlog_issuer_keys_fetched"), "a file is never too old: {text}");
        let name = jwt::Issuer::Spiffe(TrustDomain::parse("example.org").unwrap());
        let keys = KeySource::File(path.clone());
        issuers.replace(vec![Issuer { name, audience: None, keys, ca: None }]).unwrap();
        let draft = folder.path().join("new");
        let used = key.replacen('{', r#"{"use":"jwt-svid","#, 1);
        fs::write(&draft, format!(r#"{{"keys":[{used}]}}"#)).unwrap();
        fs::rename(draft, &path).unwrap();
        let text = told();
        for line in [
            "provlog_issuer_keys{issuer=\"spiffe://example.org\"} 1",
            "provlog_issuer_cas{issuer=\"spiffe://example.org\"} 0",
        ] {
            assert!(text.lines().any(|got| got == line), "{line}\n{text}");
        }
        issuers.replace(Vec::new()).unwrap();
        assert!(!told().contains("https://a.example"), "{}", told());
    }
}
