//! Black-box tests of the two real binaries, and the formats that outlive them. One test binary, one module a topic.
#![expect(unreachable_pub, reason = "one binary: pub means for the other modules")]

mod support;
mod vectors;
