//! What a client has already is not sent again, as long as it is what is there.

use crate::support::{Daemon, folder, promotion};

#[test]
fn what_a_client_has_is_answered_304_until_it_changes() {
    let root = folder();
    let daemon = Daemon::start(&root.path().join("log"));
    let append = || daemon.post("/v1/entries", promotion("app").to_string().as_bytes()).expect(201);
    append();
    let (checkpoint, tile) = ("/checkpoint", "/tile/0/000.p/2");
    for path in [checkpoint, tile, "/tile/entries/000.p/2"] {
        let first = daemon.get(path).expect(200);
        let tag = first.header("etag").unwrap();
        for method in ["GET", "HEAD"] {
            let again = daemon.request(method, path, &[("If-None-Match", tag)], b"").expect(304);
            assert!(again.body.is_empty(), "{path}");
            assert_eq!(again.header("etag"), Some(tag));
            assert_eq!(again.header("cache-control"), first.header("cache-control"));
        }
        let other = daemon.request("GET", path, &[("If-None-Match", "\"another\"")], b"").expect(200);
        assert_eq!(other.body, first.body);
    }
    // A tag makes nothing exist.
    let any = [("If-None-Match", "*")];
    daemon.request("GET", "/tile/0/000.p/3", &any, b"").expect(404);
    let tags = [checkpoint, tile].map(|path| daemon.get(path).header("etag").unwrap().to_owned());
    append();
    daemon.request("GET", checkpoint, &[("If-None-Match", &tags[0])], b"").expect(200);
    daemon.request("GET", tile, &[("If-None-Match", &tags[1])], b"").expect(304);
}
