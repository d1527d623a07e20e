#!/usr/bin/env python3
"""openapi.yaml held to the running server: the document is sound, and whatever the server answers on every route, to
good requests and to bad ones, is described there and fits its schema (JSON Schema 2020-12, by a library)."""
import http.client
import json
import pathlib
import re
import sys

import jsonschema
import yaml

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop")]
from lab import wire
from lab.room import Room
from lab.server import Server
from lab.sipp import Sipp
from lab.suite import Suite, equal, expect
from live import LiveCall

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "openapi.yaml"
METHODS = ("get", "post", "patch", "put", "delete")


class Contract:
    def __init__(self, room):
        self.wire = wire.Wire()
        self.document = yaml.safe_load(DOCUMENT.read_text())
        self.resolver = jsonschema.RefResolver("", self.document)
        self.server = Server(room)
        self.live = LiveCall(self.wire, self.server, Sipp(room))
        self.account, self.device = self.live.account["ada"], self.live.device["ada"]
        self.seen = set()

    # ---- the document
    def resolved(self, node):
        return self.resolver.resolve(node["$ref"])[1] if "$ref" in node else node

    def references(self, node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from self.references(value)
        elif isinstance(node, list):
            for value in node:
                yield from self.references(value)

    def sound(self):
        for reference in self.references(self.document):
            self.resolver.resolve(reference)
        for name, schema in self.document["components"]["schemas"].items():
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
            except jsonschema.SchemaError as error:
                raise AssertionError(f"schema {name}: {error.message}") from error
        names = [item[method]["operationId"] for item in self.document["paths"].values() for method in set(METHODS) & set(item)]
        equal(len(names), len(set(names)), "an operationId stands twice")
        return f"{len(names)} operations, {len(self.document['components']['schemas'])} schemas"

    # ---- the server against it
    def ask(self, method, route, body=None, bearer=None, query="", kind="application/json", **places):
        """One request; its answer is checked against the document. Gives status and what was answered."""
        target = re.sub(r"\{(\w+)\}", lambda place: places[place[1]], route) + query
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=5)
        headers = {"Authorization": f"Bearer {self.server.token if bearer is None else bearer}"}
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        self.check(method, route, response, text)
        return response.status, json.loads(text) if "json" in (response.getheader("Content-Type") or "") else text

    def check(self, method, route, response, text):
        what = f"{method} {route} gave {response.status} {text[:200]}"
        described = self.document["paths"][route][method.lower()]["responses"]
        expect(str(response.status) in described, f"not described: {what}")
        self.seen.add((method, route, response.status))
        answer = self.resolved(described[str(response.status)])
        for name, header in answer.get("headers", {}).items():
            expect(response.getheader(name) is not None or not self.resolved(header).get("required", True), f"no {name}: {what}")
        content = answer.get("content")
        if content is None:
            return equal(text, "", what)
        kind = (response.getheader("Content-Type") or "").split(";")[0]
        expect(kind in content, f"{kind} is not described: {what}")
        if "json" in kind:
            validator = jsonschema.Draft202012Validator(content[kind]["schema"], resolver=self.resolver)
            wrong = sorted(error.message for error in validator.iter_errors(json.loads(text)))
            expect(not wrong, f"{wrong[:3]}: {what}")

    def gives(self, status, method, route, body=None, **more):
        got, answer = self.ask(method, route, body, **more)
        equal(got, status, f"{method} {route}: {answer}")
        return answer

    # ---- what is asked
    def directory(self):
        account = self.gives(201, "POST", "/v1/accounts", {"name": "Linus"})["id"]
        self.gives(200, "GET", "/v1/accounts")
        self.gives(200, "GET", "/v1/accounts/{account}", account=account)
        self.gives(200, "PATCH", "/v1/accounts/{account}", {"name": "Linus T."}, account=account)
        wanted = {"username": "linus", "password": "secret-word", "name": "Desk", "kind": "desk", "flip_digit": "4"}
        device = self.gives(201, "POST", "/v1/accounts/{account}/devices", wanted, account=account)["id"]
        self.gives(200, "GET", "/v1/accounts/{account}/devices", account=account)
        self.gives(200, "GET", "/v1/devices/{device}", device=device)
        self.gives(200, "PATCH", "/v1/devices/{device}", {"name": "Desk 2"}, device=device)
        number = self.gives(201, "POST", "/v1/numbers", {"account": account, "digits": "2009"})["id"]
        self.gives(200, "GET", "/v1/numbers")
        self.gives(200, "GET", "/v1/numbers/{number}", number=number)
        self.gives(409, "POST", "/v1/numbers", {"account": account, "digits": "2009"})
        self.gives(409, "POST", "/v1/accounts/{account}/devices", wanted, account=account)
        self.gives(204, "DELETE", "/v1/numbers/{number}", number=number)
        self.gives(204, "DELETE", "/v1/devices/{device}", device=device)
        self.gives(204, "DELETE", "/v1/accounts/{account}", account=account)
        for route in ("/v1/accounts/{account}", "/v1/devices/{device}", "/v1/numbers/{number}"):
            self.gives(404, "GET", route, account=account, device=device, number=number)

    def tokens(self):
        made = self.gives(201, "POST", "/v1/tokens", {"name": "Ada's", "account": self.account})
        self.gives(200, "GET", "/v1/tokens")
        mine = made["secret"]
        self.gives(200, "GET", "/v1/calls", bearer=mine)
        self.gives(403, "POST", "/v1/accounts", {"name": "X"}, bearer=mine)
        self.gives(404, "GET", "/v1/accounts/{account}", bearer=mine, account=self.live.account["grace"])
        self.gives(204, "DELETE", "/v1/tokens/{token}", token=made["id"])
        self.gives(401, "GET", "/v1/calls", bearer=mine)

    def calls(self):
        self.live.start()
        call = self.live.call
        self.gives(200, "GET", "/v1/calls")
        self.gives(200, "GET", "/v1/calls/{call}", call=call)
        self.gives(200, "GET", "/v1/health")
        laptop = self.server.device(self.account, "laptop")
        self.live.sipp.register("laptop", "10.77.0.5")
        flip = self.gives(201, "POST", "/v1/calls/{call}/flips", {"device": laptop, "account": self.account}, call=call)["id"]
        self.gives(200, "POST", "/v1/calls/{call}/flips", {"device": laptop, "account": self.account}, call=call)
        self.gives(200, "GET", "/v1/flips/{flip}", flip=flip)
        self.gives(200, "GET", "/v1/flips/{flip}/timeline.svg", flip=flip)
        self.gives(200, "DELETE", "/v1/flips/{flip}", flip=flip)
        self.server.flip_outcome(flip)
        self.gives(409, "DELETE", "/v1/flips/{flip}", flip=flip)
        self.gives(200, "GET", "/v1/flips/{flip}", flip=flip)
        self.gives(200, "GET", "/v1/flips/{flip}/timeline.svg", flip=flip)
        for device, status in ((self.device, 409), ("dev_99", 404)):
            self.gives(status, "POST", "/v1/calls/{call}/flips", {"device": device, "account": self.account}, call=call)
        self.gives(204, "DELETE", "/v1/calls/{call}", call=call)
        self.live.ended()
        self.server.record(call)
        self.gives(200, "GET", "/v1/records")
        self.gives(200, "GET", "/v1/records", query=f"?limit=1&account={self.account}")
        self.gives(200, "GET", "/v1/records/{call}", call=call)
        self.gives(404, "DELETE", "/v1/calls/{call}", call=call)
        self.gives(400, "GET", "/v1/records", query="?limit=0")
        self.gives(200, "GET", "/openapi.yaml")

    def everything_refused(self):
        """Every route with a wrong token, for things that are not there, and with bodies that are none."""
        nobody = {"account": "acc_99", "device": "dev_99", "number": "num_99", "call": "call_99", "flip": "flip_99", "token": "99"}
        somebody = {**nobody, "account": self.account, "device": self.device}
        for route, item in self.document["paths"].items():
            for method in set(METHODS) & set(item):
                with_body = "requestBody" in item[method]
                if item[method].get("security") != [{}]:
                    self.refused(method, route, nobody, {} if with_body else None, status=401, bearer="guess")
                if "{" in route:
                    self.refused(method, route, nobody, {} if with_body else None)
                for body in ("[]", '{"colour": 1}', '{"name": 5}') if with_body else ():
                    self.refused(method, route, somebody, body)
                if with_body:
                    self.refused(method, route, somebody, "{")
                    self.refused(method, route, somebody, "a=b", kind="text/plain")
        return f"{len(self.seen)} different answers, all as described"

    def refused(self, method, route, places, body, status=None, **more):
        got, answer = self.ask(method.upper(), route, body, **more, **places)
        expect(400 <= got < 500 if status is None else got == status, f"{method} {route} with {body!r} gave {got}: {answer}")

    def every_success_seen(self):
        """No answer of the document is only on paper: each 2xx has been given."""
        promised = {(method.upper(), route, int(status)) for route, item in self.document["paths"].items()
                    for method in set(METHODS) & set(item) for status in item[method]["responses"] if status.startswith("2")}
        equal(sorted(promised - self.seen), [], "never given")
        return f"{len(promised)} of {len(promised)}"


def main():
    with Room() as room:
        tests = Contract(room)
        suite = Suite("openapi.yaml and the server", tests.wire)
        suite.run("the document is sound", tests.sound)
        suite.run("accounts, devices, numbers", tests.directory)
        suite.run("tokens", tests.tokens)
        suite.run("calls, flips, records", tests.calls)
        suite.run("everything that is refused", tests.everything_refused)
        suite.run("every success that is described was given", tests.every_success_seen)
        return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
