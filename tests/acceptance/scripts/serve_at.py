"""`serve_at.py SECONDS`: pages and REST without any background work, on a clock that is so many seconds off."""

import os
import socketserver
import sys
import time
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import time_machine


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    there = datetime.fromtimestamp(time.time() + float(sys.argv[1]), UTC)
    with time_machine.travel(there, tick=True):
        from servicedesk.wsgi import application

        make_server("127.0.0.1", int(os.environ["PORT"]), application, Server, Handler).serve_forever()


if __name__ == "__main__":
    main()
