"""The past of an entity is read back as it was: whatever was done to it, at each moment (property)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simpul.app import batch, entities, identity, temporal
from simpul.app.hub import Hub
from simpul.domain.context import CORE
from simpul.domain.entity import Entity, Record
from simpul.domain.errors import NotFound
from simpul.domain.history import find_state
from simpul.domain.merge import Overwrite
from simpul.domain.parse import parse_entity, parse_fragment
from simpul.domain.temporal import TemporalQuery
from simpul.domain.temporal_parse import parse_history
from simpul.main import open_hub
from simpul.settings import Settings

OPERATOR = identity.operator("kota")
START_US = 1_700_000_000_000_000


class Ticking:
    """A clock that goes on a second with each look."""

    def __init__(self) -> None:
        self.at_us = START_US

    def now_us(self) -> int:
        self.at_us += 1_000_000
        return self.at_us


def body(entity_id: str, **attributes: Any) -> dict[str, Any]:
    return {"id": entity_id, "type": "Gauge", **attributes}


instance = st.fixed_dictionaries(
    {"type": st.just("Property"), "value": st.integers(0, 3)},
    optional={
        "observedAt": st.integers(0, 5).map(lambda minute: f"2024-05-01T10:0{minute}:00Z"),
        "datasetId": st.sampled_from(["urn:d:1", "urn:d:2"]),
    },
)
attributes = st.dictionaries(st.sampled_from(["depth", "name", "height"]), instance, min_size=1)
steps = st.lists(
    st.tuples(st.sampled_from(["put", "append", "merge", "write", "remove", "delete"]), attributes), max_size=12
)


async def do(hub: Hub, entity_id: str, step: str, given_attributes: dict[str, Any]) -> None:
    """Do one thing to the entity; what cannot be done to it is left."""
    try:
        if step == "put":
            item = batch.BatchItem(body(entity_id, **given_attributes), CORE)
            await batch.upsert(OPERATOR, hub, [item], batch.UpsertMode.REPLACE)
        elif step == "append":
            fragment = parse_fragment(given_attributes, CORE)
            await entities.append_attributes(OPERATOR, hub, entity_id, fragment, CORE, overwrite=Overwrite.ALLOWED)
        elif step == "merge":
            await entities.merge_entity(OPERATOR, hub, entity_id, parse_fragment(given_attributes, CORE), CORE)
        elif step == "write":
            await temporal.create(OPERATOR, hub, parse_history(body(entity_id, **given_attributes), CORE), CORE)
        elif step == "remove":
            name = CORE.expand(next(iter(given_attributes)))
            await entities.delete_attribute(OPERATOR, hub, entity_id, name, every_instance=True)
        else:
            await entities.delete(OPERATOR, hub, entity_id)
    except NotFound:
        pass


def comparable(entity: Entity | None) -> Any:
    """Return the entity without the order of its instances, which means nothing."""
    if entity is None:
        return None
    return {
        name: sorted(map(repr, value)) if isinstance(value, list) else [repr(value)] for name, value in entity.items()
    }


async def find_entity(hub: Hub, entity_id: str) -> Any:
    document = entities.find_document(OPERATOR, hub, entity_id)
    return None if document is None else entities.read_records(OPERATOR, hub, [document])[0].entity


async def find_past(hub: Hub, entity_id: str, at_us: int) -> Any:
    record = await find_record(hub, entity_id, at_us)
    return None if record is None else record.entity


async def find_record(hub: Hub, entity_id: str, at_us: int) -> Record | None:
    """Return the entity as the history has it for that time, by when the hub knew it."""
    window = TemporalQuery(timerel="before", time_at_us=at_us + 1, time_property="createdAt")
    history = await hub.histories.find_history(OPERATOR.tenant, entity_id, window)
    return None if history is None else find_state(history.writes, at_us)


def observed_in(given_attributes: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the attributes that say when they were observed."""
    return [(name, one) for name, one in given_attributes.items() if "observedAt" in one]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Hub, Ticking]]:
    folder: Path = tmp_path_factory.mktemp("kota")
    clock = Ticking()
    with asyncio.Runner() as runner:
        context = open_hub(Settings(folder=folder, data=folder / "data", tenant="kota", syncs=False))
        hub = runner.run(context.__aenter__())
        yield runner, replace(hub, clock=clock), clock
        runner.run(context.__aexit__(None, None, None))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=steps)
def test_the_past_is_what_the_present_was(opened: tuple[asyncio.Runner, Hub, Ticking], done: list[Any]) -> None:
    runner, hub, clock = opened
    entity_id = f"urn:ngsi-ld:Gauge:{clock.at_us}"
    seen: list[tuple[int, Any]] = []

    observed: set[tuple[str, Any, Any]] = set()

    async def run() -> None:
        for step, given_attributes in done:
            await do(hub, entity_id, step, given_attributes)
            told = {(name, one.get("datasetId"), one["observedAt"]) for name, one in observed_in(given_attributes)}
            if step == "write" and told & observed:
                # An instance that is written again for the same time corrects the past (§5.6.12).
                seen.clear()
            observed.update(told)
            seen.append((clock.at_us, comparable(await find_entity(hub, entity_id))))
        for at_us, expected in seen:
            assert comparable(await find_past(hub, entity_id, at_us)) == expected

    runner.run(run())


def test_before_its_beginning_there_is_nothing(opened: tuple[asyncio.Runner, Hub, Ticking]) -> None:
    runner, hub, clock = opened

    async def run() -> None:
        await entities.create(OPERATOR, hub, parse_entity(body("urn:ngsi-ld:Gauge:new", depth=1), CORE), CORE)
        made_us = clock.at_us
        made = await find_record(hub, "urn:ngsi-ld:Gauge:new", made_us)
        assert made is not None
        assert made.times.created_us == made_us
        assert await find_record(hub, "urn:ngsi-ld:Gauge:new", made_us - 1) is None

    runner.run(run())
