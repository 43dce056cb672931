//! Recipes for jobs of CI systems: the scripts of `examples/ci` as GitHub and GitLab run them, against a daemon and an issuer of the tests,
//! and what is written of them.

mod entries;
mod hostile;
mod job;
mod recipe;
mod refused;
mod written;
