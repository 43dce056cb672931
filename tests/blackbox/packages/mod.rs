//! Packages that every verifier judges alike.
