"""Bad requests to the REST interface."""
import http.client
import json
import re
import socket

from lab.room import wait_for
from lab.suite import equal, expect


class BadRest:
    """Needs `server` and `logged`."""

    def rest(self, method, path, body=None, token=True, kind="application/json", raw=None):
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
        headers = {"Authorization": f"Bearer {self.server.token}"} if token is True else {"Authorization": token} if token else {}
        if body is not None or raw is not None:
            headers["Content-Type"] = kind
        connection.request(method, path, raw if raw is not None else body and json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def problem(self, status, slug, method, path, **more):
        response, text = self.rest(method, path, **more)
        equal(response.status, status, f"{method} {path}: {text}")
        equal(response.getheader("Content-Type"), "application/problem+json", "type of the body")
        found = json.loads(text)
        equal((found["type"], found["status"]), (f"urn:segue:problem:{slug}", status), "problem")
        expect(found["title"] and found["detail"], f"a problem without words: {text}")
        self.logged(f"REST: {method} {re.escape(path)} from 127.0.0.1:\\d+: {status} {re.escape(found['title'])}")
        return f"{status} {found['detail']} {found.get('errors', '')}".strip()

    def no_http(self):
        """Bytes that are no HTTP, a header that is too large, a body that says it is."""
        for data, status in ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS?\r\n\r\n", 400),
                             (b"INVITE sip:a@b SIP/2.0\r\n\r\n", 400),
                             (b"GET /v1/health HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
                             (b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
                             (b"POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413)):
            with socket.create_connection(("127.0.0.1", 8080), 3) as connection:
                connection.sendall(data)
                answer = connection.recv(65536)
                expect(answer.startswith(f"HTTP/1.1 {status} ".encode()), f"{data[:40]}: {answer[:60]}; expected {status}")
                self.logged(f"REST: .* from 127.0.0.1:{connection.getsockname()[1]}: {status}")

    def many_http_connections(self):
        held = [socket.create_connection(("127.0.0.1", 8080), 3) for _ in range(257)]
        answer = held[-1].recv(4096)
        expect(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer, f"the 257th connection: {answer[:60]}")
        self.logged("REST: a connection from 127.0.0.1: 503 A limit is reached")
        for connection in held:
            connection.close()
        wait_for("REST", lambda: self.rest("GET", "/v1/health")[0].status == 200)
        return "the 257th gets 503"

    # ---- all of it
    def all_rest(self, run):
        post = ("POST", "/v1/accounts")
        for title, status, slug, request, more in (
                ("that is not JSON", 400, "malformed-json", post, {"raw": '{"name": '}),
                ("that is nested too deeply", 400, "malformed-json", post, {"raw": "[" * 5000 + "]" * 5000}),
                ("with a wrong type", 422, "invalid", post, {"body": {"name": 5}}),
                ("with an unknown key", 422, "invalid", post, {"body": {"name": "x", "colour": "red"}}),
                ("of 100 kB", 413, "too-large", post, {"raw": json.dumps({"name": "x" * 100_000})}),
                ("of another media type", 415, "media-type", post, {"raw": "name=x", "kind": "text/plain"}),
                ("without a token", 401, "unauthorized", post, {"body": {"name": "x"}, "token": ""}),
                ("with a wrong token", 401, "unauthorized", post, {"body": {"name": "x"}, "token": "Bearer guess"}),
                ("for what does not exist", 404, "not-found", ("GET", "/v1/calls/call_99999"), {}),
                ("with a wrong method", 405, "method", ("DELETE", "/v1/accounts"), {})):
            run(f"REST: a request {title}: {status}", lambda: self.problem(status, slug, *request, **more))
        run("REST: what is no HTTP", self.no_http)
