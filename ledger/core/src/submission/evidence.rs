//! What a client brings to show which workload it is (`SPEC.md` sections 4.4 and 12): read here, and judged by whoever has keys.

use super::error::SubmissionError;
use crate::cbor::Value;
use crate::claims::{self, EVIDENCE, Misfit};
use crate::json::Json;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Evidence as a client brings it. Nothing of it was verified.
#[derive(Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A token whose audience is this submission to one log.
    Jwt {
        /// In compact form.
        token: String,
    },
    /// A signature over the submission by the key of a workload's certificate.
    X509Svid {
        /// Certificates in DER, the workload's first.
        chain: Vec<Vec<u8>>,
        /// By its key.
        signature: Vec<u8>,
    },
}

impl Evidence {
    /// From JSON, whose byte strings are lowercase hex.
    ///
    /// # Errors
    /// [`SubmissionError::Evidence`].
    pub(super) fn from_json(json: Json) -> Result<Self, SubmissionError> {
        Self::from_value(claims::convert(&EVIDENCE, json).map_err(misfit)?)
    }

    /// From a value.
    ///
    /// # Errors
    /// [`SubmissionError::Evidence`].
    pub(super) fn from_value(value: Value) -> Result<Self, SubmissionError> {
        claims::check(&EVIDENCE, &value).map_err(misfit)?;
        let member = |name: &str| value.as_map()?.get(name);
        if let Some(token) = member("token").and_then(Value::as_text) {
            return Ok(Self::Jwt { token: token.into() });
        }
        // As checked, it is the other form then.
        let bytes = |value: &Value| value.as_bytes().map(<[u8]>::to_vec);
        let chain = member("chain").and_then(Value::as_array).unwrap_or_default();
        let chain = chain.iter().filter_map(bytes).collect();
        Ok(Self::X509Svid { chain, signature: member("signature").and_then(bytes).unwrap_or_default() })
    }

    /// The value that it is read from.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Jwt { token } => Value::map([("format", "jwt".into()), ("token", token.as_str().into())]),
            Self::X509Svid { chain, signature } => Value::map([
                ("format", "x509-svid".into()),
                ("chain", Value::Array(chain.iter().map(|der| Value::Bytes(der.clone())).collect())),
                ("signature", Value::Bytes(signature.clone())),
            ]),
        }
    }
}

/// Without the token, which may still be good for something.
impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jwt { .. } => "Jwt(...)",
            Self::X509Svid { .. } => "X509Svid(...)",
        })
    }
}

fn misfit(misfit: Misfit) -> SubmissionError {
    SubmissionError::Evidence(misfit.within("evidence"))
}
