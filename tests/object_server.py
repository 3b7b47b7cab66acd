"""Serves a folder on the loopback interface, like a bucket of S3 and like a web server."""

import threading
import urllib.parse
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, folder, requests, *rest):
        self.folder, self.requests = folder, requests
        super().__init__(*rest)

    def log_message(self, *words):
        pass

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body):
        where = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(where.query, keep_blank_values=True))
        path = urllib.parse.unquote(where.path).strip("/")
        self.requests.append(f"{self.command} {path}")
        if "list-type" in query:
            return self._send(
                200, self._listing(path, query).encode(), with_body, "application/xml"
            )
        file = self.folder / path
        if not file.is_file():
            return self._send(404, b"" if not with_body else MISSING, with_body, XML)
        content, begin = file.read_bytes(), None
        if wanted := self.headers.get("Range"):
            first, last = wanted.removeprefix("bytes=").split("-")
            begin, end = int(first), min(int(last or len(content)), len(content) - 1)
            whole, content = len(content), content[begin : end + 1]
            return self._send(206, content, with_body, range_=f"bytes {begin}-{end}/{whole}")
        return self._send(200, content, with_body)

    def _send(self, code, content, with_body, kind="application/octet-stream", range_=None):
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", kind)
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", '"0"')
        if range_:
            self.send_header("Content-Range", range_)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def _listing(self, bucket, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        root = self.folder / bucket
        keys = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        keys = [key for key in keys if key.startswith(prefix)]
        below: dict[str, bool] = {}
        for key in keys:
            rest = key[len(prefix) :]
            inner = delimiter and delimiter in rest
            below.setdefault(
                prefix + rest.partition(delimiter)[0] + delimiter if inner else key, inner
            )
        found = "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            if inner
            else f"<Contents><Key>{escape(name)}</Key><Size>{(root / name).stat().st_size}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>0</ETag></Contents>"
            for name, inner in below.items()
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult '
            'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(below)}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        )


XML = "application/xml"
MISSING = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


@contextmanager
def serving(folder):
    """Serves a folder, whose sub-folders are buckets; yields HOST:PORT and the list of requests."""
    requests: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, folder, requests))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
