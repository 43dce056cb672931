//! Other people's programs, in Go: the log read by them, and a log written by them audited.
