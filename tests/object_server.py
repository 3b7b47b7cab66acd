"""Serves a folder on the loopback interface, like a bucket of S3 and like a web server."""

import threading
import urllib.parse
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape


class Handler(BaseHTTPRequestHandler):
    """Answers like S3; `folder` has a sub-folder for each bucket."""

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
        self.answer(path, query, with_body)

    def answer(self, path, query, with_body):
        if "list-type" in query:
            self.send(200, self._listing(path, query).encode(), with_body, XML)
        elif not (self.folder / path).is_file():
            self.send(404, MISSING if with_body else b"", with_body, XML)
        else:
            self.send_file(self.folder / path, with_body)

    def send_file(self, file, with_body):
        content = file.read_bytes()
        if not (wanted := self.headers.get("Range")):
            return self.send(200, content, with_body)
        first, last = wanted.removeprefix("bytes=").split("-")
        begin, end = int(first), min(int(last or len(content)), len(content) - 1)
        part = content[begin : end + 1]
        return self.send(206, part, with_body, range_=f"bytes {begin}-{end}/{len(content)}")

    def send(self, code, content, with_body, kind="application/octet-stream", range_=None):
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

    def below(self, bucket, query):
        """Returns the names of files, and of folders with a final slash, below the prefix."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        root = self.folder / bucket
        names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        found: dict[bool, dict[str, None]] = {True: {}, False: {}}
        for name in names:
            if name.startswith(prefix):
                first, mark, _ = name[len(prefix) :].partition(delimiter or "\0")
                found[bool(mark)][prefix + first + mark] = None
        return list(found[False]), list(found[True])

    def _listing(self, bucket, query):
        root, (names, folders) = self.folder / bucket, self.below(bucket, query)
        found = "".join(
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders
        ) + "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{(root / name).stat().st_size}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>0</ETag></Contents>"
            for name in names
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult '
            'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{escape(bucket)}</Name><Prefix>{escape(query.get('prefix', ''))}</Prefix>"
            f"<KeyCount>{len(names) + len(folders)}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        )


XML = "application/xml"
MISSING = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


@contextmanager
def serving(folder, handler=Handler):
    """Serves a folder, whose sub-folders are buckets; yields HOST:PORT and the list of requests."""
    requests: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, folder, requests))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
