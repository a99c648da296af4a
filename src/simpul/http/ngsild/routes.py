"""Which path and method leads to which handler. The only list of the NGSI-LD API's resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from simpul.app.hub import Hub
from simpul.domain.errors import MethodNotAllowed, NotFound
from simpul.http.exchange import Answer, Exchange, Handler
from simpul.http.ngsild import (
    attributes,
    batch,
    contexts,
    distributed,
    distributed_batches,
    distributed_histories,
    distributed_history_writes,
    distributed_types,
    distributed_writes,
    entities,
    entity_maps,
    identity,
    mapped,
    mapped_histories,
    purge,
    question,
    registrations,
    snapshots,
    source_subscriptions,
    subscriptions,
    temporal,
    temporal_writes,
    types,
)

ROOT = b"/ngsi-ld/v1"
NAME = "{}"


class Resource(NamedTuple):
    """One path: its fixed words, with `NAME` where a name stands, and its operations by method."""

    words: tuple[str, ...]
    operations: dict[str, Handler]
    # Where in the path a word is fixed, and where a name stands.
    fixed: tuple[tuple[int, str], ...]
    places: tuple[int, ...]

    def matches(self, segments: tuple[str, ...]) -> bool:
        """Return whether the path, of as many segments as it has words, is this one."""
        for place, word in self.fixed:  # noqa: SIM110  # A third of the time: each PATCH looks at two or three of these.
            if segments[place] != word:
                return False
        return True

    def names_in(self, segments: tuple[str, ...]) -> tuple[str, ...]:
        return tuple([segments[place] for place in self.places])


def _resource(path: str, **operations: Handler) -> Resource:
    words = tuple(path.split("/"))
    fixed = tuple((place, word) for place, word in enumerate(words) if word != NAME)
    return Resource(words, operations, fixed, tuple(place for place, word in enumerate(words) if word == NAME))


RESOURCES = (
    _resource(
        "entities", GET=entities.query, POST=entities.create, DELETE=purge.purge,
    ),
    _resource("entities/{}", GET=entities.retrieve, PUT=entities.replace, PATCH=entities.merge, DELETE=entities.delete),
    _resource("entities/{}/attrs", POST=attributes.append, PATCH=attributes.update),
    _resource("entities/{}/attrs/{}", PATCH=attributes.patch, PUT=attributes.replace, DELETE=attributes.delete),
    _resource("entityOperations/create", POST=batch.create),
    _resource("entityOperations/upsert", POST=batch.upsert),
    _resource("entityOperations/update", POST=batch.update),
    _resource("entityOperations/merge", POST=batch.merge),
    _resource("entityOperations/delete", POST=batch.delete),
    _resource("entityOperations/query", POST=question.query),
    _resource("types", GET=types.list_types),
    _resource("types/{}", GET=types.get_type),
    _resource("attributes", GET=types.list_attributes),
    _resource("attributes/{}", GET=types.get_attribute),
    _resource("temporal/entities", GET=temporal.query, POST=temporal_writes.create),
    _resource("temporal/entities/{}", GET=temporal.retrieve, DELETE=temporal_writes.delete),
    _resource("temporal/entities/{}/attrs", POST=temporal_writes.append),
    _resource("temporal/entities/{}/attrs/{}", DELETE=temporal_writes.delete_attribute),
    _resource(
        "temporal/entities/{}/attrs/{}/{}", PATCH=temporal_writes.patch_instance, DELETE=temporal_writes.delete_instance
    ),
    _resource("temporal/entityOperations/query", POST=temporal.query_by_body),
    _resource("subscriptions", GET=subscriptions.query, POST=subscriptions.create),
    _resource(
        "subscriptions/{}", GET=subscriptions.retrieve, PATCH=subscriptions.update, DELETE=subscriptions.delete
    ),
    _resource("csourceRegistrations", GET=registrations.query, POST=registrations.create),
    _resource(
        "csourceRegistrations/{}", GET=registrations.retrieve, PATCH=registrations.update, DELETE=registrations.delete
    ),
    _resource("csourceSubscriptions", GET=source_subscriptions.query, POST=source_subscriptions.create),
    _resource(
        "csourceSubscriptions/{}", GET=source_subscriptions.retrieve, PATCH=source_subscriptions.update,
        DELETE=source_subscriptions.delete,
    ),
    _resource("jsonldContexts", GET=contexts.query, POST=contexts.add),
    _resource("jsonldContexts/{}", GET=contexts.retrieve, DELETE=contexts.delete),
    _resource("entityMaps", GET=entity_maps.create, POST=entity_maps.create_by_post),
    _resource("entityMaps/{}", GET=entity_maps.retrieve, PATCH=entity_maps.update, DELETE=entity_maps.delete),
    _resource(
        "temporal/entityMaps", GET=entity_maps.create_of_histories, POST=entity_maps.create_of_histories_by_post
    ),
    _resource("snapshots", POST=snapshots.create, DELETE=snapshots.purge),
    _resource("snapshots/{}", GET=snapshots.retrieve, PATCH=snapshots.update, DELETE=snapshots.delete),
    _resource("snapshots/{}/clone", POST=snapshots.clone),
    _resource("info/sourceIdentity", GET=identity.retrieve),
)  # fmt: skip

_BY_LENGTH: dict[int, tuple[Resource, ...]] = {
    length: tuple(resource for resource in RESOURCES if len(resource.words) == length)
    for length in {len(resource.words) for resource in RESOURCES}
}


# What stands at a path without a name in it, by method and path: the hot ones are found by one look-up.
FIXED: dict[tuple[str, bytes], Handler] = {
    (method, ROOT + b"/" + "/".join(resource.words).encode()): handler
    for resource in RESOURCES
    if NAME not in resource.words
    for method, handler in resource.operations.items()
}

# What takes the place of a handler in a city that has registrations of other sources.
DISTRIBUTED: dict[Handler, Handler] = {
    entities.query: distributed.query,
    entities.retrieve: distributed.retrieve,
    question.query: distributed.query_by_post,
    entities.create: distributed_writes.create,
    entities.replace: distributed_writes.replace,
    entities.merge: distributed_writes.merge,
    entities.delete: distributed_writes.delete,
    purge.purge: purge.purge_everywhere,
    attributes.append: distributed_writes.append,
    attributes.update: distributed_writes.update,
    attributes.patch: distributed_writes.patch_attribute,
    attributes.replace: distributed_writes.replace_attribute,
    attributes.delete: distributed_writes.delete_attribute,
    batch.create: distributed_batches.create,
    batch.upsert: distributed_batches.upsert,
    batch.update: distributed_batches.update,
    batch.merge: distributed_batches.merge,
    batch.delete: distributed_batches.delete,
    types.list_types: distributed_types.list_types,
    types.get_type: distributed_types.get_type,
    types.list_attributes: distributed_types.list_attributes,
    types.get_attribute: distributed_types.get_attribute,
    temporal.query: distributed_histories.query,
    temporal.retrieve: distributed_histories.retrieve,
    temporal.query_by_body: distributed_histories.query_by_body,
    temporal_writes.create: distributed_history_writes.create,
    temporal_writes.append: distributed_history_writes.append,
    temporal_writes.delete: distributed_history_writes.delete,
    temporal_writes.delete_attribute: distributed_history_writes.delete_attribute,
    temporal_writes.patch_instance: distributed_history_writes.patch_instance,
    temporal_writes.delete_instance: distributed_history_writes.delete_instance,
}

# What takes the place of a handler where a request makes an entity map or names one.
MAPPED: dict[Handler, Handler] = {
    entities.query: mapped.query,
    entities.retrieve: mapped.retrieve,
    question.query: mapped.query_by_post,
    temporal.query: mapped_histories.query,
    temporal.retrieve: mapped_histories.retrieve,
    temporal.query_by_body: mapped_histories.query_by_post,
}
# Of these the body may ask for a map.
QUERIES_BY_BODY = frozenset({question.query, temporal.query_by_body})


# What whoever may read may do though it has a body or changes something: questions, and maps, which are their maker's.
OPEN_TO_READERS: frozenset[Handler] = frozenset(
    {*QUERIES_BY_BODY, *(DISTRIBUTED[one] for one in QUERIES_BY_BODY), *(MAPPED[one] for one in QUERIES_BY_BODY)}
    | {entity_maps.create_by_post, entity_maps.create_of_histories_by_post, entity_maps.update, entity_maps.delete}
)


# What changes a single entity, which has an ETag. Making one has none to compare, and is done only where there is none.
_CHANGES = (
    entities.replace,
    entities.merge,
    entities.delete,
    attributes.append,
    attributes.update,
    attributes.patch,
    attributes.replace,
    attributes.delete,
)
CHANGES_OF_ENTITIES: frozenset[Handler] = frozenset(_CHANGES) | {DISTRIBUTED[handler] for handler in _CHANGES}


def find_resource(segments: tuple[str, ...]) -> Resource | None:
    """Return the resource at the path."""
    for resource in _BY_LENGTH.get(len(segments), ()):
        if resource.matches(segments):
            return resource
    return None


def route(method: str, segments: tuple[str, ...]) -> tuple[Handler, tuple[str, ...]]:
    """Return the handler, and the names in the path. One slash at the end is ignored (§6.3.1)."""
    slashed = len(segments) > 1 and not segments[-1]
    resource = find_resource(segments[:-1] if slashed else segments)
    item = find_resource(segments) if slashed and segments[0] == "entities" and len(segments) == 2 else None
    if item is not None and method in item.operations and (resource is None or method not in resource.operations):
        # PUT /entities/ is meant for an entity, with an id that was left empty; the handler says so.
        return item.operations[method], item.names_in(segments)
    if resource is None:
        raise NotFound(
            f"There is nothing at /ngsi-ld/v1/{'/'.join(segments)[:300]}. Where an id or a name holds a slash, it is"
            " written as %2F."
        )
    handler = resource.operations.get(method)
    if method == "OPTIONS":
        return options_of(resource), ()
    if handler is None:
        raise method_not_allowed(method, "/ngsi-ld/v1/" + "/".join(resource.words), tuple(resource.operations))
    return handler, resource.names_in(segments[:-1] if slashed else segments)


def options_of(resource: Resource) -> Handler:
    """Return the handler that tells the resource's methods (RFC 9110 §9.3.7)."""

    async def answer(_hub: Hub, _exchange: Exchange) -> Answer:
        return Answer(204, ((b"allow", allowed_methods(resource.operations).encode()),))

    return answer


def allowed_methods(methods: Iterable[str]) -> str:
    """Return the value of `Allow` for a resource with these methods."""
    return ", ".join(sorted({*methods, "OPTIONS"}))


def method_not_allowed(method: str, path: str, methods: tuple[str, ...]) -> MethodNotAllowed:
    """Return the error that tells which methods the path has."""
    return MethodNotAllowed(f"{path} has no {method[:40]}; it has {allowed_methods(methods)}.", methods)
