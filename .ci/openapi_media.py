"""How bodies are sent whose media types schemathesis doesn't know: their schemas are strings, and a string is what is sent."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/cbor", "application/cbor-seq")
def as_it_stands(_context, value):
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
