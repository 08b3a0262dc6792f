"""Bodies, forms, uploads and heads: too large, too deep, too many, odd, or not what they say.

Each gets an answer that is no fault of the server, and costs it no more than it may.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib

import pytest

from tests.attacks.conftest import Site
from tests.attacks.wire import Answer, Header, exchange, request

JSON: Header = ("Content-Type", "application/json")
FORM: Header = ("Content-Type", "application/x-www-form-urlencoded")
PARTS: Header = ("Content-Type", "multipart/form-data; boundary=x")


def post(site: Site, path: str, *headers: Header, body: bytes = b"") -> Answer:
    return exchange(site.port, request("POST", f"/api/v1/shop/{path}", *headers, body=body))


TEXTS = {
    "nothing": b"",
    "deep lists": b"[" * 100_000,
    "closed deep lists": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep in a field": b'{"name":"a","parts":[{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
    "a huge whole number": b'{"name":' + b"9" * 100_000 + b"}",
    "a huge exponent": b'{"name":1e999999999}',
    "a huge fraction": b'{"name":0.' + b"1" * 100_000 + b"}",
    "infinity": b'{"name":Infinity}',
    "no number": b'{"name":NaN}',
    "half a surrogate": b'{"name":"\\ud800"}',
    "a key that is half a surrogate": b'{"\\ud800":1}',
    "a zero character": b'{"name":"a\\u0000b"}',
    "the same key twice": b'{"name":"a","name":"B<"}',
    "many keys": json.dumps({f"k{n}": n for n in range(20_000)}).encode(),
    "many items": b'{"name":"a","parts":[' + b"{}," * 50_000 + b"{}]}",
    "many wrong items": b'{"name":"a","parts":[' + b"1," * 5_000 + b"1]}",
    "no UTF-8": b'{"name":"\xff\xfe"}',
    "a byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "UTF-32": '{"name":"a"}'.encode("utf-32"),
    "a special name": b'{"__proto__":{"name":"a"},"__class__":"x","constructor":1}',
    "no JSON": b"name=a",
    "a number": b"1",
    "null": b"null",
    "a comment": b'{/**/"name":"a"}',
    "two texts": b'{"name":"a"}{"name":"b"}',
    "compressed": gzip.compress(b'{"name":"a"}'),
    "a pickle": b"cos\nsystem\n(S'touch /tmp/x'\ntR.",
    "YAML": b"!!python/object/apply:os.system ['true']",
    "entities": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}


@pytest.mark.parametrize("text", list(TEXTS))
def test_odd_json_is_refused_or_read(site: Site, text: str) -> None:
    """It is no fault of the server, and nothing of it comes back."""
    answer = post(site, "items", JSON, body=TEXTS[text])
    assert answer.status in {400, 422} or answer.status == 200
    if answer.status != 200:
        assert b"root:" not in answer.raw
        assert len(answer.body) < 20_000


BOMB = b"0" * 30_000_000
PACKED = {
    "gzip": gzip.compress(BOMB, 9),
    "deflate": zlib.compress(BOMB, 9),
    "x-gzip": gzip.compress(BOMB, 9),
    "gzip, gzip": gzip.compress(gzip.compress(BOMB, 9)),
    "br": b"\x8b\x05\x80a" * 100,
    "zstd": b"(\xb5/\xfd\x04\x00Q\x00\x00" * 100,
    "compress": b"\x1f\x9d" * 100,
    "identity": b'{"name":"a"}',
    "chunked": b'{"name":"a"}',
    "gzip;q=1": gzip.compress(BOMB, 9),
}


@pytest.mark.parametrize("encoding", list(PACKED))
def test_nothing_is_unpacked(site: Site, encoding: str) -> None:
    """A body is taken as the bytes that were sent."""
    body = PACKED[encoding]
    answer = post(site, "echo", ("Content-Encoding", encoding), body=body)
    assert (answer.status, answer.body) == (200, str(len(body)).encode())
    assert post(site, "items", JSON, ("Content-Encoding", encoding), body=body).status != 500


def part(*headers: str, body: bytes = b"a", end: bytes = b"\r\n") -> bytes:
    return b"--x\r\n" + "\r\n".join(headers).encode() + b"\r\n\r\n" + body + end


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../x", b"0" * 1_000_000)
    return packed.getvalue()


FILE = 'Content-Disposition: form-data; name="file"; filename="{}"'
END = b"--x--\r\n"
UPLOADS = {
    "a path": part(FILE.format("../../etc/passwd")) + END,
    "a path of Windows": part(FILE.format("..\\\\..\\\\x")) + END,
    "an absolute path": part(FILE.format("/etc/passwd")) + END,
    "a device": part(FILE.format("CON")) + END,
    "a zero byte": part(FILE.format("a\x00b")) + END,
    "markup": part(FILE.format("<script>alert(1)</script>")) + END,
    "a shell": part(FILE.format("$(touch x).txt")) + END,
    "a long name": part(FILE.format("a" * 8000)) + END,
    "an encoded name": part("Content-Disposition: form-data; name=\"file\"; filename*=a''%2e")
    + END,
    "an archive": part(FILE.format("a.zip"), body=archive()) + END,
    "no body": b"",
    "only an end": END,
    "no name": part("Content-Disposition: form-data") + END,
    "no disposition": part("X: 1") + END,
    "no headers": b"--x\r\n\r\na\r\n" + END,
    "another boundary": part(FILE.format("a")).replace(b"--x", b"--y") + END,
    "a boundary in the body": part(FILE.format("a"), body=b"\r\n--x-\r\n--xx\r\n") + END,
    "many fields": b"".join(
        part(f'Content-Disposition: form-data; name="{n}"') for n in range(3000)
    )
    + END,
    "many files": b"".join(part(FILE.format(n)) for n in range(3000)) + END,
    "many headers": part(FILE.format("a"), *[f"X-{n}: 1" for n in range(5000)]) + END,
    "a long header": part(FILE.format("a"), "X: " + "a" * 200_000) + END,
    "a large field": part('Content-Disposition: form-data; name="a"', body=b"a" * 3_000_000) + END,
    "nested": part("Content-Type: multipart/mixed; boundary=y", body=b"--y\r\n\r\n--y--") + END,
    "line feeds": part(FILE.format("a")).replace(b"\r\n", b"\n") + b"--x--\n",
    "an unknown charset": part(FILE.format("a"), "Content-Type: text/plain; charset=none") + END,
    "an encoding": part(FILE.format("a"), "Content-Transfer-Encoding: base64") + END,
}


@pytest.mark.parametrize("upload", list(UPLOADS))
def test_odd_uploads_are_refused_or_read(site: Site, upload: str) -> None:
    """A name is a text, and names no file; parts and fields are counted."""
    before = sorted(path.name for path in site.folder.iterdir())
    answer = post(site, "upload", PARTS, body=UPLOADS[upload])
    assert answer.status in {200, 400, 413, 422}
    assert sorted(path.name for path in site.folder.iterdir()) == before


TYPES = [
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "a" * 5000,
    'multipart/form-data; boundary="x"y"',
    "multipart/form-data; boundary=\xff",
    "multipart/form-data; charset=none; boundary=x",
    "multipart/form-data;" + ";" * 5000,
    "multipart/form-data;" + ' a="' * 2000,
    "multipart/mixed; boundary=x",
    "application/json; charset=utf-7",
    "application/json; charset=none",
    "application/" + "a" * 10_000,
    "application/x-www-form-urlencoded; charset=none",
    "/",
    ";",
    "",
    "text/html\t",
    "*/*",
    ",".join(["a/b"] * 5000),
]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("path", ["upload", "form", "items"])
def test_odd_types_are_refused_or_read(site: Site, kind: str, path: str) -> None:
    """Boundaries and charsets that are none."""
    answer = post(site, path, ("Content-Type", kind), body=b'--x\r\n\r\n{"name":"a"}\r\n--x--')
    assert answer.status in {200, 400, 415, 422}


FIELDS = [
    b"name=" + b"a" * 2_000_000,
    b"&" * 5000,
    b"=" * 5000,
    b"a=1&" * 50_000,
    b"a;" * 50_000,
    b"name=%",
    b"name=%zz",
    b"name=%ff%fe",
    b"name=%ed%a0%80",
    b"name=%00",
    b"name=a&name=b",
    b"name[]=a",
    b"%6eame=a",
    b"\xff\xfe",
]


@pytest.mark.parametrize("fields", FIELDS, ids=range(len(FIELDS)))
def test_odd_forms_are_refused_or_read(site: Site, fields: bytes) -> None:
    """Fields are counted, too."""
    assert post(site, "form", FORM, body=fields).status in {200, 400, 413, 422}


@pytest.mark.parametrize("path", ["items", "echo", "form", "upload"])
@pytest.mark.parametrize("kind", [JSON, FORM, PARTS])
def test_a_body_over_the_limit_is_not_read(site: Site, path: str, kind: Header) -> None:
    """If its length is announced; `tests/server/limits` tries the rest."""
    huge = ("Content-Length", "17000000")
    answer = post(site, path, kind, huge, ("Expect", "100-continue"))
    assert answer.status == 413 or (answer.status == 422 and b'"missing"' in answer.body)


HEADS = {
    "many headers": [(f"X-{n}", "1") for n in range(2000)],
    "many cookies": [("Cookie", "a=1; " * 2000)] * 5,
    "a long header": [("X", "a" * 60_000)],
    "headers beyond all bounds": [("X", "a" * 5_000)] * 40,
    "an empty name": [("", "a")],
    "a long name": [("X" * 60_000, "a")],
    "an odd name": [("X(y)", "a")],
    "a name with a colon": [("X:y", "a")],
    "a name that isn't ASCII": [("X\xff", "a")],
    "expects something": [("Expect", "something")],
    "expects much": [("Expect", "100-continue, " * 2000)],
    "upgrades to HTTP/2": [("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
    "upgrades to all": [("Upgrade", "websocket, h2c, foo")],
    "drops headers": [("Connection", "Host, Authorization, Cookie, Content-Length")],
    "many connections": [("Connection", "keep-alive, " * 3000)],
    "languages": [("Accept-Language", "a-" * 10_000 + ",;q=" * 5000)],
    "types": [("Accept", "a/b;q=0.1," * 5000)],
    "types without end": [("Accept", ";" * 50_000)],
    "white space": [("Accept", " \t" * 20_000 + "x")],
    "encodings": [("Accept-Encoding", "gzip;q=" * 5000)],
    "authorization": [("Authorization", "Bearer " * 5000)],
    "spaces": [("Authorization", "Bearer" + " " * 50_000 + "x")],
    "a context": [("Traceparent", "00-" + "a" * 50_000)],
    "baggage": [("Baggage", "a=b," * 10_000)],
    "dates": [("If-Modified-Since", "Mon, " * 10_000)],
    "addresses": [("X-Forwarded-For", "1," * 20_000)],
}


@pytest.mark.parametrize("head", list(HEADS))
@pytest.mark.parametrize("path", ["/metrics", "/modframe/"])
def test_odd_heads_are_refused_or_read(site: Site, head: str, path: str) -> None:
    """No expression that reads them takes longer than it has to: a hang would end the test."""
    answer = exchange(site.port, request("GET", path, *HEADS[head]))
    assert answer.status in {0, 200, 400, 401, 417, 431}


def test_it_is_well(site: Site) -> None:
    """After all of it."""
    assert exchange(site.port, request("GET", "/health/live")).status == 200
