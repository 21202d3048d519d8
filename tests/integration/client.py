"""A foreign client: it knows no generated code, only what the server's reflection tells it."""
import uuid

import harness  # first: it finds the python that has grpc
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

DEADLINE = 20
_F = descriptor_pb2.FieldDescriptorProto


def _message(file, name, fields):
    message = file.message_type.add(name=name)
    for number, field, kind, label, type_name in fields:
        message.field.add(name=field, number=number, type=kind, label=label, type_name=type_name)


def _well_known_services():
    """The messages of reflection (v1alpha) and health as far as they are used here, written by hand."""
    one, many = _F.LABEL_OPTIONAL, _F.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="foreign.proto", package="foreign", syntax="proto3")
    _message(file, "ReflectionRequest", [(3, "file_by_filename", _F.TYPE_STRING, one, None),
                                         (4, "file_containing_symbol", _F.TYPE_STRING, one, None),
                                         (7, "list_services", _F.TYPE_STRING, one, None)])
    _message(file, "FileResponse", [(1, "file_descriptor_proto", _F.TYPE_BYTES, many, None)])
    _message(file, "ServiceName", [(1, "name", _F.TYPE_STRING, one, None)])
    _message(file, "ServiceList", [(1, "service", _F.TYPE_MESSAGE, many, ".foreign.ServiceName")])
    _message(file, "ErrorResponse", [(1, "error_code", _F.TYPE_INT32, one, None),
                                     (2, "error_message", _F.TYPE_STRING, one, None)])
    _message(file, "ReflectionResponse", [(4, "files", _F.TYPE_MESSAGE, one, ".foreign.FileResponse"),
                                          (6, "services", _F.TYPE_MESSAGE, one, ".foreign.ServiceList"),
                                          (7, "error", _F.TYPE_MESSAGE, one, ".foreign.ErrorResponse")])
    _message(file, "HealthRequest", [(1, "service", _F.TYPE_STRING, one, None)])
    _message(file, "HealthResponse", [(1, "status", _F.TYPE_INT32, one, None)])
    return file


class RpcError(Exception):
    """A call that failed, with its google.rpc details as dictionaries by type name ("ErrorInfo", ...)."""

    def __init__(self, error, details):
        super().__init__(f"{error.code().name}: {error.details()} {details}")
        self.code = error.code().name
        self.message = error.details()
        self.details = details

    @property
    def reason(self):
        return self.details.get("ErrorInfo", {}).get("reason", "")

    @property
    def fields(self):
        return [v.get("field", "") for v in self.details.get("BadRequest", {}).get("field_violations", [])]


def is_mutation(method):
    return "request_id" in method.input_type.fields_by_name


class Client:
    """Calls by name ("TicketService/CreateTicket") with dictionaries in, messages out."""

    def __init__(self, target, tenant=None, subject=None, roles=None, like=None, service_config=None):
        """`service_config`: JSON. Without one nothing is tried again."""
        options = [("grpc.service_config", service_config)] if service_config else [("grpc.enable_retries", 0)]
        self.channel = grpc.insecure_channel(target, options=options)
        self.metadata = [(f"x-watchbell-{k}", v) for k, v in
                         (("tenant", tenant), ("subject", subject), ("roles", roles)) if v is not None]
        if like is not None:  # the descriptors of a client that asked already
            self.pool, self.services, self._factory, self.methods = (like.pool, like.services, like._factory,
                                                                     like.methods)
            self._known = like._known
            return
        self.pool = descriptor_pool.DescriptorPool()
        self._factory = message_factory.MessageFactory(self.pool)
        self.pool.Add(_well_known_services())
        self.services = self.list_services()
        self.methods = {}
        self._known = set()  # names of files
        for service in self.services:
            if service.startswith("watchbell."):
                self._learn(file_containing_symbol=service)
                descriptor = self.pool.FindServiceByName(service)
                for method in descriptor.methods:
                    self.methods[f"{descriptor.name}/{method.name}"] = method
        for name in ("google/rpc/status.proto", "google/rpc/error_details.proto"):
            self._learn(file_by_filename=name)

    def close(self):
        self.channel.close()

    def type(self, full_name):
        return self._factory.GetPrototype(self.pool.FindMessageTypeByName(full_name))

    def _reflect(self, **request):
        ask = self.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                         request_serializer=lambda m: m.SerializeToString(),
                                         response_deserializer=self.type("foreign.ReflectionResponse").FromString)
        answer = next(iter(ask(iter([self.type("foreign.ReflectionRequest")(**request)]), timeout=DEADLINE)))
        if answer.HasField("error"):
            raise harness.Failure(f"reflection of {request}: {answer.error.error_message}")
        return answer

    def list_services(self):
        return sorted(s.name for s in self._reflect(list_services="*").services.service)

    def learn(self, full_name):
        """Learns a message that no service names; the declaration of its file, as bytes."""
        self._learn(file_containing_symbol=full_name)
        name = self.pool.FindMessageTypeByName(full_name).file.name
        files = self._reflect(file_by_filename=name).files.file_descriptor_proto
        return next(f for f in files if descriptor_pb2.FileDescriptorProto.FromString(f).name == name)

    def _learn(self, **request):
        """Adds the file asked for and everything it imports, imports first."""
        files = [descriptor_pb2.FileDescriptorProto.FromString(f)
                 for f in self._reflect(**request).files.file_descriptor_proto]
        by_name = {f.name: f for f in files}

        def add(name):
            if name in self._known:
                return
            if name not in by_name:
                self._learn(file_by_filename=name)
                return
            self._known.add(name)
            for imported in by_name[name].dependency:
                add(imported)
            self.pool.Add(by_name[name])
        for file in files:
            add(file.name)

    def health(self, service=""):
        """1 = SERVING, 2 = NOT_SERVING."""
        check = self.channel.unary_unary("/grpc.health.v1.Health/Check",
                                         request_serializer=lambda m: m.SerializeToString(),
                                         response_deserializer=self.type("foreign.HealthResponse").FromString)
        return check(self.type("foreign.HealthRequest")(service=service), timeout=DEADLINE).status

    def request(self, name, fields=None):
        """A request message made from a dictionary in protobuf's JSON mapping."""
        message = self._factory.GetPrototype(self.methods[name].input_type)()
        return json_format.ParseDict(fields or {}, message)

    def call(self, name, fields=None, timeout=DEADLINE):
        return self.send(name, self.request(name, fields).SerializeToString(), timeout)

    def send(self, name, request_bytes, timeout=DEADLINE):
        """A unary call with these very bytes."""
        method = self.methods[name]
        stub = self.channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}",
                                        response_deserializer=self._factory.GetPrototype(
                                            method.output_type).FromString)
        try:
            return stub(request_bytes, timeout=timeout, metadata=self.metadata)
        except grpc.RpcError as error:
            raise self.explain(error) from None

    def watch(self, name, fields=None, timeout=DEADLINE):
        return self.send_watch(name, self.request(name, fields).SerializeToString(), timeout)

    def send_watch(self, name, request_bytes, timeout=DEADLINE):
        """The call object of a server stream; iterate it, cancel() it."""
        method = self.methods[name]
        stub = self.channel.unary_stream(f"/{method.containing_service.full_name}/{method.name}",
                                         response_deserializer=self._factory.GetPrototype(
                                             method.output_type).FromString)
        return stub(request_bytes, timeout=timeout, metadata=self.metadata)

    def explain(self, error):
        details = {}
        for key, value in error.trailing_metadata() or ():
            if key != "grpc-status-details-bin":
                continue
            for detail in self.type("google.rpc.Status").FromString(value).details:
                name = detail.type_url.rsplit("/", 1)[-1]
                message = self.type(name).FromString(detail.value)
                details[name.rsplit(".", 1)[-1]] = json_format.MessageToDict(message,
                                                                            preserving_proto_field_name=True)
        return RpcError(error, details)

    def refused(self, name, fields, code, reason, timeout=DEADLINE):
        """The call must fail with this code and reason; the error."""
        try:
            answer = self.call(name, fields, timeout)
        except RpcError as error:
            harness.expect_equal((error.code, error.reason), (code, reason), f"{name}: {error}")
            return error
        raise harness.Failure(f"{name} was not refused: {answer}")


def incident(title="Printer on fire", **more):
    """A good CreateTicketRequest."""
    return {"type": "TICKET_TYPE_INCIDENT", "title": title, "impact": "IMPACT_MEDIUM", "urgency": "URGENCY_MEDIUM",
            "request_id": str(uuid.uuid4()), **more}
