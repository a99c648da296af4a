"""Taking what agents in offices deliver: each reading once, in order, each with a run of its source. No HTTP, no files.

A piece is acknowledged when it is on the disk. When a reading is whole, its source is run from it as from any system:
mapping, rules, rejects and drift are those of the source's declaration. The reading counts as taken over when that run
has ended; a run that is cut off is made again, and finds the rows that are in already by their digests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simpul import limits
from simpul.app.identity import raise_unless_agent
from simpul.domain.delivery import (
    CHANGES,
    SAME,
    WHOLE,
    Delivery,
    Hello,
    Position,
    Standing,
    check_delivery,
    decide_takeover,
    told_by,
)
from simpul.domain.errors import BadRequestData, Conflict, HubError, NotFound
from simpul.operator_log import log
from simpul.ports.deliveries import DeliveryFiles, DeliveryStore

if TYPE_CHECKING:
    from simpul.app.hub import Hub
    from simpul.domain.city import SourceDeclaration


@dataclass(slots=True)
class Deliveries:
    """The runs that deliveries have started, and what stopped the last ones."""

    store: DeliveryStore
    files: DeliveryFiles
    _runs: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _troubles: dict[tuple[str, str], str] = field(default_factory=dict)
    # Of which reading the whole rows are wanted, because its changes fit nothing that is here.
    wanted_whole: dict[tuple[str, str], int] = field(default_factory=dict)
    _turns: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)
    # Deliveries leave a place to the sources that the hub reads itself.
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(limits.SOURCES_AT_ONCE_MAX - 1))

    def turn(self, tenant: str, source_id: str) -> asyncio.Lock:
        """Return the lock under which one source's deliveries are taken one after the other."""
        return self._turns.setdefault((tenant, source_id), asyncio.Lock())

    def running(self, tenant: str, source_id: str) -> asyncio.Task[None] | None:
        """Return the run that goes on for a delivery of the source."""
        task = self._runs.get((tenant, source_id))
        return None if task is None or task.done() else task

    def trouble(self, tenant: str, source_id: str) -> str:
        """Return what kept the last delivery from being taken over, or nothing."""
        return self._troubles.get((tenant, source_id), "")

    def start(self, hub: Hub, tenant: str, source: SourceDeclaration, delivery: Delivery) -> asyncio.Task[None]:
        """Start the run of a reading that is here as a whole, where none goes on."""
        going_on = self.running(tenant, source.id)
        if going_on is not None:
            return going_on
        task = asyncio.create_task(self._run(hub, tenant, source, delivery))
        self._runs[tenant, source.id] = task
        return task

    async def _run(self, hub: Hub, tenant: str, source: SourceDeclaration, delivery: Delivery) -> None:
        self._troubles.pop((tenant, source.id), None)
        assert hub.engine is not None, "deliveries are taken by a hub with an engine"
        try:
            async with self._slots:
                run = await hub.engine.run(hub, tenant, source)
            if run.error is not None and delivery.kind not in (WHOLE, CHANGES, SAME):
                # What a stream tells is told once: it waits until it can be taken over.
                self._troubles[tenant, source.id] = "The source's page at the hub says why its last run failed."
                return
            await self.settle(tenant, source.id, delivery)
        except HubError as error:
            self._troubles[tenant, source.id] = error.detail
        except Exception:  # A defect in one source's run must be told to its agent, which tries again.
            log.exception("a delivery was not taken over", tenant=tenant, source=source.id)
            self._troubles[tenant, source.id] = "The hub has a defect here; its log has more."

    async def settle(self, tenant: str, source_id: str, delivery: Delivery) -> None:
        """Remember that the reading is taken over; what came before it is not needed any more."""
        digest = None if delivery.kind == SAME else delivery.digest
        self.wanted_whole.pop((tenant, source_id), None)
        await self.store.advance(tenant, source_id, delivery.queue, delivery.number, digest)
        await asyncio.to_thread(self.files.settle, tenant, source_id, delivery.number)

    async def forget(self, tenant: str, source_id: str) -> None:
        """Forget the source's agent, and all that it delivered: rows may be personal."""
        await self.store.forget_standing(tenant, source_id)
        await asyncio.to_thread(self.files.forget, tenant, source_id)

    async def close(self) -> None:
        """Stop the runs; their readings are here, and taken over when their agents ask again."""
        tasks = list(self._runs.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def find_standing(hub: Hub, tenant: str, source_id: str) -> Standing | None:
    """Return how far the agent of a source is, or None where none was heard."""
    return hub.deliveries.store.find_standing(tenant, source_id)


def admit_agent(hub: Hub, tenant: str, authorization: str | None, source_id: str) -> SourceDeclaration:
    """Return the source that the token may deliver. Raises Unauthenticated, Forbidden, NotFound, Conflict."""
    raise_unless_agent(hub, tenant, authorization, source_id)
    source = hub.city(tenant).source(source_id)
    if source is None:
        raise NotFound(f"The city has no source {source_id[:100]!r}. Apply it there, or write its id as it is there.")
    if not source.is_delivered:
        raise Conflict(f"The hub reads {source_id} itself. Write read_by: agent into its file there, and apply.")
    return source


async def greet(hub: Hub, tenant: str, source: SourceDeclaration, hello: Hello) -> Position:
    """Hear an agent: remember what it tells of itself, and return how far its queue is. Raises Conflict."""
    queue = hello.queue
    if not queue or len(queue) > limits.IDENTIFIER_CHARACTERS_MAX:
        raise BadRequestData("An agent tells the id of its queue.")
    deliveries, now_us = hub.deliveries, hub.clock.now_us()
    async with deliveries.turn(tenant, source.id):
        standing, told = deliveries.store.find_standing(tenant, source.id), told_by(hello.told, hello.clock_us, now_us)
        if standing is None or standing.queue != queue:
            if standing is not None:
                decide_takeover(standing, queue, now_us)
            await asyncio.to_thread(deliveries.files.begin_anew, tenant, source.id)
            await deliveries.store.begin_queue(tenant, source.id, queue, now_us, told)
        else:
            await deliveries.store.note_told(tenant, source.id, now_us, told)
        return await _position(hub, tenant, source.id, Delivery(WHOLE, queue, hello.number, 0, ""))


async def _position(hub: Hub, tenant: str, source_id: str, delivery: Delivery) -> Position:
    deliveries = hub.deliveries
    standing = deliveries.store.find_standing(tenant, source_id)
    assert standing is not None, "whoever asks for it was heard"
    number = delivery.number
    arrived = await asyncio.to_thread(deliveries.files.find_arrived, tenant, source_id, number, delivery.kind)
    has_rows = await asyncio.to_thread(deliveries.files.has_rows, tenant, source_id)
    return Position(
        completed=standing.completed,
        digest=standing.digest,
        has_rows=has_rows,
        number=number,
        # Rows that were put together are packed anew, to another size.
        size=max(delivery.size, arrived.size) if arrived.is_complete else arrived.size,
        is_running=deliveries.running(tenant, source_id) is not None,
        trouble=deliveries.trouble(tenant, source_id),
        clock_us=hub.clock.now_us(),
        takes_changes=True,
        wants_whole=deliveries.wanted_whole.get((tenant, source_id)) == number,
    )


async def take(
    hub: Hub, tenant: str, source: SourceDeclaration, delivery: Delivery, piece: tuple[int, bytes]
) -> Position:
    """Take a piece (its place, its bytes) of a reading; start the run once the reading is whole. Raises Conflict.

    A piece that is here already, or comes too early, changes nothing: the answer says what is wanted next.
    """
    check_delivery(delivery, is_stream=hub.engine is not None and hub.engine.is_stream(source))
    deliveries, started = hub.deliveries, None
    async with deliveries.turn(tenant, source.id):
        standing = deliveries.store.find_standing(tenant, source.id)
        if standing is None or standing.queue != delivery.queue:
            raise Conflict("This queue is not the one that delivers the source. Say hello first.")
        is_wanted = delivery.number > standing.completed and deliveries.running(tenant, source.id) is None
        if is_wanted and await _arrive(hub, tenant, source.id, delivery, piece):
            started = deliveries.start(hub, tenant, source, delivery)
    going_on = started or deliveries.running(tenant, source.id)
    if going_on is not None:
        # Most runs are short: the answer to the last piece can say that all is in.
        await asyncio.wait({going_on}, timeout=limits.DELIVERY_RUN_WAIT_SECONDS)
    return await _position(hub, tenant, source.id, delivery)


async def _arrive(hub: Hub, tenant: str, source_id: str, delivery: Delivery, piece: tuple[int, bytes]) -> bool:
    """Keep the piece; return whether the source can be run from the reading now."""
    deliveries = hub.deliveries
    standing = deliveries.store.find_standing(tenant, source_id)
    if delivery.kind == SAME:
        has_rows = await asyncio.to_thread(deliveries.files.has_rows, tenant, source_id)
        if has_rows and standing is not None and standing.digest == delivery.digest:
            return True
        # There is nothing to run from; the agent sees by the digest that whole rows are wanted.
        await deliveries.settle(tenant, source_id, delivery)
        return False
    offset, body = piece
    if offset + len(body) > delivery.size:
        raise BadRequestData(f"The piece goes beyond the reading's {delivery.size:,} bytes.")
    is_known = standing is not None and standing.digest == delivery.base
    if delivery.kind == CHANGES and not is_known:
        deliveries.wanted_whole[tenant, source_id] = delivery.number
        return False
    arrived = await asyncio.to_thread(deliveries.files.append, tenant, source_id, delivery, offset, body)
    if arrived.size < delivery.size and not arrived.is_complete:
        return False
    if delivery.kind == CHANGES:
        complete_changes = deliveries.files.complete_changes
        is_put = await asyncio.to_thread(complete_changes, tenant, source_id, delivery.number, delivery.rows_digest)
        if not is_put:
            deliveries.wanted_whole[tenant, source_id] = delivery.number
        return is_put
    return await asyncio.to_thread(deliveries.files.complete, tenant, source_id, delivery.number, delivery.digest)
