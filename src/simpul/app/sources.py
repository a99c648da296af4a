"""A city's sources: how they do, what they rejected, and what the city declares. No reading here, no YAML, no HTTP.

Agencies and sources are entities too (`Agency`, `DataSource`), so that they have history, access and a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from simpul import limits
from simpul.app.deliveries import find_standing
from simpul.app.entities import raise_unless_allowed
from simpul.app.hub import Hub
from simpul.domain.access import Action, Caller, decide
from simpul.domain.city import Agency, City, SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.delivery import Standing
from simpul.domain.entity import Entity, Instance, Record, Times, attribute_names
from simpul.domain.errors import BadRequestData, InternalError, NotFound
from simpul.domain.merge import Outcome, advance_times, update_attributes
from simpul.domain.parse import NULL
from simpul.ports.engine import Preview, Progress
from simpul.ports.store import RUN_STOPPED, Draft, Reject, Run

AGENCY_TYPE: Final = CORE.expand("Agency")
SOURCE_TYPE: Final = CORE.expand("DataSource")
EXPIRED_AT: Final = CORE.expand("expiredAt")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GONE: Final[Instance] = {"type": "Property", "value": NULL}
_STATUS: Final = CORE.expand("status")
_ROW_COUNT: Final = CORE.expand("rowCount")
_REJECT_COUNT: Final = CORE.expand("rejectCount")
_CHANGED_AT: Final = CORE.expand("lastChangedAt")


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source does; nothing in it is secret or personal.

    `state` is `never`, `running`, `ok`, `failed`, or `stopped` where the hub was stopped or killed before the last run
    came to its end, so that it is run again; `rows` is what the last complete run read; `fresh_us` is when
    that run ended. `last_run.error` is only there for who may manage sources. `agent` is how far the source's agent is,
    where it has one that was heard; its trouble is only told to who may manage sources.
    """

    source: SourceDeclaration
    agency: Agency | None
    state: str
    last_run: Run | None
    fresh_us: int | None
    rows: int | None
    rejects: int
    agent: Standing | None = None


class Step(NamedTuple):
    """One difference between what is declared and what is applied: `add`, `change` or `remove`."""

    action: str
    what: str
    name: str
    details: tuple[str, ...]


def list_sources(caller: Caller, hub: Hub) -> list[SourceStatus]:
    """Return how the city's sources do, for anyone to see."""
    city = hub.city(caller.tenant)
    rejects = hub.sources.count_rejects(caller.tenant) if city.sources else {}
    sees_errors = decide(caller, Action.MANAGE_SOURCES).allowed
    return [_status(hub, city, source, rejects.get(source.id, 0), sees_errors) for source in city.sources]


def get_source(caller: Caller, hub: Hub, source_id: str) -> SourceStatus:
    """Return how one source does. Raises NotFound."""
    source = _get_declaration(hub, caller.tenant, source_id)
    rejects = hub.sources.count_rejects(caller.tenant).get(source_id, 0)
    sees_errors = decide(caller, Action.MANAGE_SOURCES).allowed
    return _status(hub, hub.city(caller.tenant), source, rejects, sees_errors)


def _status(hub: Hub, city: City, source: SourceDeclaration, rejects: int, sees_errors: bool) -> SourceStatus:
    runs = hub.sources.list_runs(city.tenant, source.id, 1)
    last = runs[0] if runs else None
    complete = hub.sources.find_complete_run(city.tenant, source.id)
    return SourceStatus(
        source=source,
        agency=city.agency(source.agency),
        state=_state(hub, last, city.tenant),
        last_run=last if last is None or sees_errors else last._replace(error=None),
        fresh_us=complete.finished_us if complete else None,
        rows=complete.rows_read if complete else None,
        rejects=rejects,
        agent=_agent(hub, city.tenant, source, sees_errors=sees_errors),
    )


def _agent(hub: Hub, tenant: str, source: SourceDeclaration, *, sees_errors: bool) -> Standing | None:
    standing = find_standing(hub, tenant, source.id) if source.is_delivered else None
    if standing is None or sees_errors:
        return standing
    return standing._replace(told=msgspec.structs.replace(standing.told, trouble=""))


def _state(hub: Hub, run: Run | None, tenant: str) -> str:
    if run is None:
        return "never"
    if run.finished_us is None:
        # A run that was killed never says that it ended; only one process at a time has a city open.
        is_running = hub.engine is not None and hub.engine.is_running(tenant, run.source)
        return "running" if is_running else "stopped"
    if run.error == RUN_STOPPED:
        return "stopped"
    return "ok" if run.error is None else "failed"


def _get_declaration(hub: Hub, tenant: str, source_id: str) -> SourceDeclaration:
    city = hub.city(tenant)
    source = city.source(source_id)
    if source is None:
        known = ", ".join(one.id for one in city.sources) or "none; apply the city's folder first"
        raise NotFound(f"The city has no source {source_id[:100]!r}. Its sources: {known}.")
    return source


def list_runs(caller: Caller, hub: Hub, source_id: str | None = None, limit: int = 20) -> list[Run]:
    """Return runs, newest first. Raises NotFound, Unauthenticated, Forbidden: a run's error names hosts and files."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    if source_id is not None:
        _get_declaration(hub, caller.tenant, source_id)
    return hub.sources.list_runs(caller.tenant, source_id, limit)


def list_rejects(caller: Caller, hub: Hub, source_id: str, limit: int = 100, offset: int = 0) -> list[Reject]:
    """Return the rows kept aside. Raises NotFound, Unauthenticated, Forbidden: raw rows may be personal."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    _get_declaration(hub, caller.tenant, source_id)
    return hub.sources.list_rejects(caller.tenant, source_id, limit, offset)


async def sync(
    caller: Caller,
    hub: Hub,
    source_id: str,
    *,
    accept_shrink: bool = False,
    from_run: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Read a source into the hub, or the rows that are kept of one of its runs. What is wrong is in the run's `error`.

    Raises NotFound, Unauthenticated, Forbidden, HubBusy, StorageFull, StorageUnavailable.
    """
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    source = _get_declaration(hub, caller.tenant, source_id)
    if hub.engine is None:
        raise InternalError("This hub was put together without an engine for sources.")
    return await hub.engine.run(
        hub, caller.tenant, source, accept_shrink=accept_shrink, from_run=from_run, on_progress=on_progress
    )


async def preview(caller: Caller, hub: Hub, source: SourceDeclaration, rows: int = 10) -> Preview:
    """Return what the source's first rows would become. Raises SourceError, Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    if hub.engine is None:
        raise InternalError("This hub was put together without an engine for sources.")
    return await hub.engine.preview(hub, caller.tenant, source, rows)


def plan(caller: Caller, hub: Hub, city: City) -> list[Step]:
    """Return what applying the city would change of what is applied. Raises Unauthenticated, Forbidden."""
    raise_unless_allowed(caller, Action.MANAGE_SOURCES)
    before = hub.city(caller.tenant)
    return [
        *_city_steps(before, city),
        *_steps("agency", _agencies(before), _agencies(city)),
        *_steps("source", _sources(before), _sources(city)),
        *_steps("answer", _answers(before), _answers(city)),
    ]


def _city_steps(before: City, city: City) -> list[Step]:
    return _steps("city", _city_content(before), _city_content(city))


def _city_content(city: City) -> dict[str, dict[str, Any]]:
    content = city.declarations.get("city.yaml")
    return {} if content is None else {city.tenant: {**content, "folder": city.folder}}


def _agencies(city: City) -> dict[str, dict[str, Any]]:
    return {one.id: {"name": one.name, "short_name": one.short_name, "homepage": one.homepage} for one in city.agencies}


def _sources(city: City) -> dict[str, dict[str, Any]]:
    return {one.id: {**one.declaration, "file": one.file} for one in city.sources}


def _answers(city: City) -> dict[str, dict[str, Any]]:
    return {str(one.get("answer")): one for one in city.answers}


def _steps(what: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[Step]:
    steps = [Step("add", what, name, ()) for name in after if name not in before]
    for name, content in after.items():
        if name in before and content != before[name]:
            keys = sorted({*content, *before[name]})
            steps.append(Step("change", what, name, tuple(k for k in keys if content.get(k) != before[name].get(k))))
    steps += [Step("remove", what, name, ()) for name in before if name not in after]
    return steps


async def apply(caller: Caller, hub: Hub, city: City) -> list[Step]:
    """Make the city's declarations the applied ones, with an entity for each agency and source; return what changed.

    Raises BadRequestData for another city's folder, Unauthenticated, Forbidden, StorageFull, StorageUnavailable.
    """
    steps = plan(caller, hub, city)
    if city.tenant != caller.tenant:
        raise BadRequestData(f"The folder declares the city {city.tenant!r}; this is {caller.tenant!r}.")
    before = hub.city(caller.tenant)
    if steps:
        await hub.declarations.put_declarations(caller.tenant, city.declarations)
    hub.cities[caller.tenant] = city
    await _put_entities(caller, hub, before, city)
    return steps


async def _put_entities(caller: Caller, hub: Hub, before: City, city: City) -> None:
    now_us = hub.clock.now_us()
    fresh = [_agency_entity(city, agency) for agency in city.agencies]
    fresh += [_source_entity(city, source) for source in city.sources]
    kept = {entity["id"] for entity in fresh}
    gone = [agency_uri(city, one.id) for one in before.agencies] + [source_uri(city, one.id) for one in before.sources]
    removed = {one.id for one in before.sources} - {one.id for one in city.sources}
    rejects = [reject for source_id in removed for reject in _iter_rejects(hub, caller.tenant, source_id)]

    def operation(draft: Draft) -> None:
        for entity in fresh:
            put_entity(draft, entity, now_us, owned=_declared_names(entity))
        for entity_id in gone:
            record = draft.find(entity_id) if entity_id not in kept else None
            if record is not None:
                draft.delete(record, now_us)
        for reject in rejects:
            # Raw rows may be personal: they go with their source.
            draft.drop_reject(reject.source, reject.key)

    await hub.entities.write(caller.tenant, caller.principal, operation)
    for source_id in removed:
        await hub.reports.forget_source(caller.tenant, source_id)
        await hub.deliveries.forget(caller.tenant, source_id)
        await hub.alerts.forget_alerts(caller.tenant, source_id)
        if hub.engine is not None:
            hub.engine.forget_rows(hub, caller.tenant, source_id)


def _iter_rejects(hub: Hub, tenant: str, source_id: str) -> Iterable[Reject]:
    offset = 0
    while page := hub.sources.list_rejects(tenant, source_id, limits.PAGE_SIZE_MAX, offset):
        yield from page
        offset += len(page)


def agency_uri(city: City, agency_id: str) -> str:
    """Return the id of an agency's entity."""
    return f"urn:ngsi-ld:Agency:{city.tenant}:{agency_id}"


def source_uri(city: City, source_id: str) -> str:
    """Return the id of a source's entity."""
    return f"urn:ngsi-ld:DataSource:{city.tenant}:{source_id}"


def _agency_entity(city: City, agency: Agency) -> Entity:
    return _entity(agency_uri(city, agency.id), AGENCY_TYPE, {
        "name": _languages(agency.name),
        "shortName": _property(agency.short_name or None),
        "homepage": _property(agency.homepage or None),
    })  # fmt: skip


def _source_entity(city: City, source: SourceDeclaration) -> Entity:
    plain = source.declaration
    return _entity(source_uri(city, source.id), SOURCE_TYPE, {
        "name": _languages(source.title),
        "description": _languages(plain["description"]) if "description" in plain else None,
        "agency": {"type": "Relationship", "object": agency_uri(city, source.agency)},
        "kind": _property(source.kind),
        "entityType": _property(source.type_name),
        "licence": _property(plain.get("licence")),
        "schedule": _property(plain["schedule"]["every"] if "schedule" in plain else None),
    })  # fmt: skip


def _declared_names(entity: Entity) -> list[str]:
    names = {
        AGENCY_TYPE: ("name", "shortName", "homepage"),
        SOURCE_TYPE: ("name", "description", "agency", "kind", "entityType", "licence", "schedule"),
    }[entity["type"][0]]
    return [CORE.expand(name) for name in names]


def _entity(entity_id: str, type_iri: str, attributes: dict[str, Instance | None]) -> Entity:
    known = {CORE.expand(name): instance for name, instance in attributes.items() if instance is not None}
    return {"id": entity_id, "type": [type_iri], **known}


def _property(value: Any) -> Instance | None:
    return None if value is None else {"type": "Property", "value": value}


def _languages(texts: dict[str, str]) -> Instance:
    return {"type": "LanguageProperty", "languageMap": dict(texts)}


def put_entity(draft: Draft, fresh: Entity, now_us: int, *, owned: Iterable[str], context_id: int = 0) -> bool:
    """Make the entity, or change of it what differs; return whether anything changed.

    `owned` are the attributes that the writer answers for: those not in `fresh` are removed. All others are left.
    """
    before = draft.find(fresh["id"])
    if before is None:
        draft.create(Record(fresh, Times(now_us, now_us), context_id))
        return True
    return change_owned(draft, before, fresh, now_us, owned=owned)


def change_owned(draft: Draft, before: Record, fresh: Entity, now_us: int, *, owned: Iterable[str]) -> bool:
    """Change of the entity what differs, and remove of `owned` what is not in `fresh`; return whether that was any."""
    gone = {name: _GONE for name in owned if name not in fresh and name in before.entity}
    return change_entity(draft, before, {**fresh, **gone} if gone else fresh, now_us) is not before


def change_entity(draft: Draft, before: Record, fragment: Entity, now_us: int) -> Record:
    """Merge the fragment in where that changes something; return the record as it is now."""
    entity = before.entity
    differing = {name: value for name, value in fragment.items() if not _is_same(entity.get(name), value)}
    if not differing:
        return before
    if "scope" in differing and "scope" not in entity:
        entity = {**entity, "scope": []}
    outcome: Outcome = update_attributes(entity, {"id": before.id, "type": before.entity["type"], **differing})
    if not outcome.changed and not outcome.removed:
        return before
    after = Record(outcome.entity, advance_times(before.times, outcome, now_us), before.context_id)
    draft.change(before, after, outcome.changed, outcome.removed)
    return after


def _is_same(before: Any, after: Any) -> bool:
    """Return whether two members are surely the same; the merge compares what is not, and is three times slower."""
    if before != after:
        return False
    # In Python 1 == True == 1.0; as JSON these are different values.
    return not isinstance(after, dict) or type(before.get("value")) is type(after.get("value"))


async def note_run(hub: Hub, city: City, source: SourceDeclaration, run: Run, *, has_changed: bool = False) -> None:
    """Let the source's entity tell how its run ended. A run that changed nothing, after one like it, writes nothing.

    Its `status` is `ok`, `failed`, or `drifted` where the source has changed its form; who subscribes to it is told
    once when it changes, not at each run.
    """
    entity_id = source_uri(city, source.id)
    found = hub.entities.find_document(city.tenant, entity_id)
    record = hub.entities.read_records(city.tenant, [found])[0] if found else None
    status = "ok" if run.error is None else "drifted" if has_changed else "failed"
    fresh = {
        **_run_fragment(city, source, run, record), _STATUS: {"type": "Property", "value": status},
    }  # fmt: skip
    if record is not None and all(record.entity.get(name) == fresh.get(name) for name in attribute_names(fresh)):
        return

    def operation(draft: Draft) -> None:
        if draft.exists(entity_id):
            put_entity(draft, fresh, run.finished_us or run.started_us, owned=())
        else:
            whole = {**_source_entity(city, source), **fresh}
            put_entity(draft, whole, run.finished_us or run.started_us, owned=())

    await hub.entities.write(city.tenant, f"source/{source.id}#{run.id}", operation)


def _run_fragment(city: City, source: SourceDeclaration, run: Run, before: Record | None) -> Entity:
    fragment: Entity = {
        "id": source_uri(city, source.id),
        "type": [SOURCE_TYPE],
        _REJECT_COUNT: {"type": "Property", "value": run.rows_rejected},
    }
    if run.error is None:
        fragment[_ROW_COUNT] = {"type": "Property", "value": run.rows_read}
    if run.rows_written or run.rows_vanished or before is None or _CHANGED_AT not in before.entity:
        fragment[_CHANGED_AT] = {"type": "Property", "value": date_time_of(run.finished_us or run.started_us)}
    return fragment


def date_time_of(at_us: int) -> dict[str, str]:
    """Return a moment as a typed value (CIM 009 §4.6.3)."""
    moment = (_EPOCH + timedelta(microseconds=at_us)).replace(tzinfo=None)
    return {"@type": "DateTime", "@value": f"{moment.isoformat(timespec='milliseconds')}Z"}
