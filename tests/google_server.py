"""Serves a folder on the loopback interface, like buckets of Google Cloud Storage (JSON API).

It is a process of its own, `python -m tests.google_server FOLDER`: pyarrow's client holds Python's
lock while it waits for content, so a thread of the same process could not answer.
"""

import json
import subprocess
import sys
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

from tests.object_server import Handler, serving

OBJECTS = "storage/v1/b/"  # before BUCKET/o/NAME, or BUCKET/o for a listing


class GoogleHandler(Handler):
    """Answers what pyarrow asks of Google Cloud Storage: facts, content, and listings of files."""

    def answer(self, path, query, with_body):
        if not path.startswith(OBJECTS):
            return self.send(404, b"", with_body)
        bucket, _, name = path.removeprefix(OBJECTS).partition("/o")
        if not name:
            return self.send_json(self._listing(bucket, query))
        if query.get("alt") == "media":
            return self.send_file(self.folder / bucket / name[1:], with_body)
        facts = self._facts(bucket, name[1:])
        return self.send_json(facts) if facts else self.send(404, b"", with_body)

    def send_json(self, value):
        self.send(200, json.dumps(value).encode(), True, "application/json")

    def _facts(self, bucket, name):
        file = self.folder / bucket / name
        if not file.is_file():
            return None
        facts = {"kind": "storage#object", "bucket": bucket, "name": name, "generation": "1"}
        return facts | {"size": str(file.stat().st_size), "updated": "2026-01-01T00:00:00Z"}

    def _listing(self, bucket, query):
        names, folders = self.below(bucket, query)
        return {
            "kind": "storage#objects",
            "prefixes": folders,
            "items": [self._facts(bucket, name) for name in names],
        }


@contextmanager
def serving_google(folder):
    """Serves a folder, whose sub-folders are buckets; yields the address of {} there."""
    command = [sys.executable, "-m", "tests.google_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        options = {"scheme": "http", "endpoint_override": server.stdout.readline().strip()}
        options |= {"retry_limit_seconds": "5"}
        yield f"gs://anonymous@{{}}?{urllib.parse.urlencode(options)}"
        server.kill()


if __name__ == "__main__":
    with serving(Path(sys.argv[1]), GoogleHandler) as (host, _):
        print(host, flush=True)
        while True:
            time.sleep(60)
