//! What the reader of a vector believes beside its trust file: `reader.json` and the files that it names.

use provlog_evidence::believed::Believed;
use serde_json::{Map, json};

const ROSTER: &str = "allowed_signers";

/// Keys and persons that a reader was given from elsewhere than the log.
#[derive(Clone, Default)]
pub struct Reader {
    /// By their `iss`: a JWKS.
    pub issuers: Vec<(&'static str, String)>,
    /// By their trust domain: SPIFFE's JSON.
    pub bundles: Vec<(&'static str, String)>,
    pub roster: Option<String>,
    pub require_bound: bool,
}

impl Reader {
    pub fn believed(&self) -> Believed {
        let mut believed = Believed::default();
        for (iss, jwks) in &self.issuers {
            believed.add_issuer(iss, jwks.as_bytes()).unwrap();
        }
        for (domain, bundle) in &self.bundles {
            believed.add_bundle(domain, bundle.as_bytes()).unwrap();
        }
        if let Some(roster) = &self.roster {
            believed.set_roster(roster.as_bytes()).unwrap();
        }
        believed
    }

    /// The same for the command line, in the folder that has [`Reader::files`].
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        for (option, kind, given) in
            [("--issuer-keys", "jwks", &self.issuers), ("--bundle", "bundle", &self.bundles)]
        {
            for (number, (of, _)) in given.iter().enumerate() {
                arguments.extend([option.to_owned(), format!("{of}={kind}-{number}.json")]);
            }
        }
        if self.roster.is_some() {
            arguments.extend(["--roster".to_owned(), ROSTER.to_owned()]);
        }
        arguments.extend(self.require_bound.then(|| "--require-bound".to_owned()));
        arguments
    }

    /// None where nothing is believed.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let (mut files, mut reader) = (Vec::new(), Map::new());
        for (member, kind, given) in
            [("issuers", "jwks", &self.issuers), ("bundles", "bundle", &self.bundles)]
        {
            let mut named = Map::new();
            for (number, (of, content)) in given.iter().enumerate() {
                let file = format!("{kind}-{number}.json");
                named.insert((*of).into(), json!(file));
                files.push((file, content.clone().into_bytes()));
            }
            if !named.is_empty() {
                reader.insert(member.into(), named.into());
            }
        }
        if let Some(roster) = &self.roster {
            reader.insert("roster".into(), json!(ROSTER));
            files.push((ROSTER.into(), roster.clone().into_bytes()));
        }
        if self.require_bound {
            reader.insert("require".into(), json!(["bound"]));
        }
        if !reader.is_empty() {
            files.push(("reader.json".into(), super::pretty(&reader.into()).into_bytes()));
        }
        files
    }
}
