"""Runs on the real store: what goes in, what changes, what vanishes, and what a second run writes."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from simpul import limits
from simpul.app import sources
from simpul.app.hub import Hub
from simpul.app.identity import operator
from simpul.connect.city import load_city
from simpul.domain.city import SourceDeclaration
from simpul.domain.context import CORE
from simpul.domain.errors import HubBusy
from simpul.ports.store import ChangeKind
from tests.connect.kota import TENANT, Kota, csv_source, entity_uri

STOP = entity_uri("BusStop", "1")
HEADER = ["id", "nama", "bujur", "lintang"]
ROWS = [[1, "Pasar Raya", 100.36, -0.95], [2, "Balai Kota", 100.37, -0.94], [3, "Terminal", 100.38, -0.93]]
PLACED: dict[str, Any] = {
    "type": "BusStop",
    "id": entity_uri("BusStop", "{id}"),
    "attributes": {"name": "nama", "location": {"point": {"longitude": "bujur", "latitude": "lintang"}}},
}


def start(kota: Kota, **changes: Any) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    kota.declare(csv_source(entity=PLACED, **changes))
    run = kota.sync()
    assert run.error is None


def test_rows_become_entities(kota: Kota) -> None:
    start(kota)
    point = {"type": "Point", "coordinates": [100.36, -0.95]}
    assert kota.count("BusStop") == 3
    assert kota.values(STOP) == {"name": "Pasar Raya", "location": point}


def test_less_is_written_at_once_where_requests_are_answered(kota: Kota, monkeypatch: pytest.MonkeyPatch) -> None:
    start(kota)
    monkeypatch.setattr(limits, "SOURCE_CHUNK_ROWS", 10)

    async def first_steps(hub: Hub) -> list[int]:
        assert hub.engine is not None
        written: list[int] = []
        seen: list[int] = []
        for version in (1, 2):
            kota.write_csv("halte.csv", [HEADER, *([n, f"Halte {version}/{n}", 100.36, -0.95] for n in range(200))])
            written.clear()
            await sources.sync(operator(TENANT), hub, "halte", on_progress=lambda now: written.append(now.rows_written))
            seen.append(max(after - before for before, after in pairwise([0, *written])))
            hub.engine.give_way()
        return seen

    assert kota.with_hub(first_steps) == [10 * limits.SOURCE_CHUNKS_AT_ONCE, 10]


def test_a_run_says_what_it_did(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    kota.declare(csv_source(entity=PLACED))
    run = kota.sync()
    assert (run.rows_read, run.rows_written, run.rows_unchanged, run.rows_rejected) == (3, 3, 0, 0)
    assert run.finished_us is not None


def test_an_unchanged_source_writes_nothing(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS, [4, "", 1, 1]])
    kota.declare(csv_source(entity=PLACED, rules=[{"rule": "required", "column": "nama"}]))
    kota.sync()
    database = kota.folder / "data" / f"{TENANT}.db"
    source = entity_uri("DataSource", "halte")
    before = [kota.changes(STOP), kota.changes(source), kota.rejects()]
    size = database.stat().st_size
    run = kota.sync()
    assert (run.rows_written, run.rows_unchanged, run.rows_rejected) == (0, 3, 1)
    assert [kota.changes(STOP), kota.changes(source), kota.rejects()] == before
    assert database.stat().st_size == size


def test_a_changed_row_is_a_change_of_what_changed(kota: Kota) -> None:
    start(kota)
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya I", 100.36, -0.95], *ROWS[1:]])
    run = kota.sync()
    assert (run.rows_written, run.rows_unchanged) == (1, 2)
    last = kota.changes(STOP)[-1]
    assert last.kind is ChangeKind.CHANGED
    assert last.origin == f"source/halte#{run.id}"
    assert [name for name in last.attributes if name not in {"id", "type"}] == [CORE.expand("name")]
    assert kota.history(STOP, "name") == ["Pasar Raya", "Pasar Raya I"]


def test_a_value_that_is_not_known_any_more_is_removed(kota: Kota) -> None:
    start(kota)
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya", "", ""], *ROWS[1:]])
    kota.sync()
    assert kota.values(STOP) == {"name": "Pasar Raya"}
    assert kota.changes(STOP)[-1].removed == (CORE.expand("location"),)


def test_a_column_that_nothing_uses_may_change_freely(kota: Kota) -> None:
    kota.write_csv("halte.csv", [["id", "nama", "diubah"], [1, "Pasar Raya", "08:00"]])
    kota.declare(csv_source())
    kota.sync()
    kota.write_csv("halte.csv", [["id", "nama", "diubah"], [1, "Pasar Raya", "09:00"]])
    assert kota.sync().rows_unchanged == 1


def test_a_changed_mapping_takes_every_row_over_again(kota: Kota) -> None:
    start(kota)
    with_code = {**PLACED, "attributes": {**PLACED["attributes"], "code": {"column": "id", "text": True}}}
    kota.declare(csv_source(entity=with_code))
    assert kota.sync().rows_written == 3
    assert kota.values(STOP)["code"] == "1"


def test_what_others_gave_is_kept(kota: Kota) -> None:
    start(kota)
    kota.write_csv("genangan.csv", [["id_halte", "kedalaman"], [1, 2.5]])
    depth = csv_source(
        source="genangan", read={"path": "genangan.csv"}, key="id_halte", vanished="delete",
        entity={
            "type": "BusStop", "id": entity_uri("BusStop", "{id_halte}"),
            "attributes": {"depth": {"column": "kedalaman", "number": "plain"}},
        },
    )  # fmt: skip
    kota.declare(depth)
    kota.sync("genangan")
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya I", 100.36, -0.95], *ROWS[1:]])
    kota.sync()
    assert kota.values(STOP)["depth"] == 2.5
    kota.write_csv("genangan.csv", [["id_halte", "kedalaman"], [2, 0.5]])
    assert kota.sync("genangan", accept_shrink=True).rows_vanished == 1
    assert "depth" not in kota.values(STOP)
    assert kota.values(STOP)["name"] == "Pasar Raya I"


def test_a_vanished_row_is_kept_where_its_source_says_so(kota: Kota) -> None:
    start(kota, vanished="keep")
    kota.write_csv("halte.csv", [HEADER, *ROWS[1:]])
    assert kota.sync().rows_vanished == 0
    assert kota.count("BusStop") == 3


def test_a_vanished_row_expires(kota: Kota) -> None:
    start(kota, vanished="expire")
    kota.write_csv("halte.csv", [HEADER, *ROWS[1:]])
    assert kota.sync().rows_vanished == 1
    assert kota.values(STOP)["expiredAt"]["@type"] == "DateTime"
    count = len(kota.changes(STOP))
    assert kota.sync().rows_vanished == 0
    assert len(kota.changes(STOP)) == count


def test_a_row_that_comes_back_is_no_longer_expired(kota: Kota) -> None:
    start(kota, vanished="expire")
    kota.write_csv("halte.csv", [HEADER, *ROWS[1:]])
    kota.sync()
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    assert kota.sync().rows_written == 1
    assert "expiredAt" not in kota.values(STOP)


def test_a_vanished_row_is_deleted_and_its_history_stays(kota: Kota) -> None:
    start(kota, vanished="delete")
    kota.write_csv("halte.csv", [HEADER, *ROWS[1:]])
    assert kota.sync().rows_vanished == 1
    assert kota.entity(STOP) is None
    assert [change.kind for change in kota.changes(STOP)] == [ChangeKind.CREATED, ChangeKind.DELETED]
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    kota.sync()
    assert kota.values(STOP)["name"] == "Pasar Raya"


@pytest.mark.parametrize("rule", ["keep", "expire", "delete"])
def test_a_source_that_gives_no_rows_is_not_believed(kota: Kota, rule: str) -> None:
    start(kota, vanished=rule)
    kota.write_csv("halte.csv", [HEADER])
    run = kota.sync()
    assert run.error is not None
    assert "gave no rows" in run.error
    assert kota.count("BusStop") == 3
    assert "expiredAt" not in kota.values(STOP)


def test_a_row_vanishes_also_where_as_many_rows_are_read_as_before(kota: Kota) -> None:
    start(kota, vanished="delete")
    kota.write_csv("halte.csv", [HEADER, ROWS[0], ROWS[1], [9, "Baru", 100.3, -0.9]])
    assert kota.sync().rows_vanished == 1
    assert kota.entity(entity_uri("BusStop", "3")) is None
    kota.write_csv("halte.csv", [HEADER, ROWS[0], ROWS[1], ROWS[1]])
    assert kota.sync().rows_vanished == 1
    assert kota.count("BusStop") == 2


def test_a_source_that_collapses_is_not_believed_until_someone_says_so(kota: Kota) -> None:
    start(kota, vanished="delete")
    kota.write_csv("halte.csv", [HEADER, ROWS[0]])
    run = kota.sync()
    assert run.error is not None
    assert "of 3 rows that were taken over, 2 are gone" in run.error
    assert "--accept-shrink" in run.error
    assert kota.count("BusStop") == 3
    assert kota.sync(accept_shrink=True).rows_vanished == 2
    assert kota.count("BusStop") == 1


def test_nothing_vanishes_when_a_row_could_not_be_read(kota: Kota) -> None:
    start(kota, vanished="delete")
    (kota.folder / "halte.csv").write_text("id,nama,bujur,lintang\n2,Balai,100.37,-0.94\n3,T,100.38,-0.93\n1,x\n")
    run = kota.sync()
    assert run.error is None
    assert (run.rows_rejected, run.rows_vanished) == (1, 0)
    assert kota.count("BusStop") == 3


def test_the_second_row_with_a_key_is_rejected(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS, [1, "Salinan", 100.4, -0.9]])
    kota.declare(csv_source(entity=PLACED))
    run = kota.sync()
    (reject,) = kota.rejects()
    assert (run.rows_written, run.rows_rejected) == (3, 1)
    assert (reject.key, reject.rule) == ("1 (2)", "key")
    assert "was there before in this run" in reject.reason
    assert reject.raw["nama"] == "Salinan"
    assert kota.values(STOP)["name"] == "Pasar Raya"


def test_a_mended_row_leaves_the_rejects(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya", 1003.6, -0.95], *ROWS[1:]])
    kota.declare(csv_source(entity=PLACED))
    kota.sync()
    (reject,) = kota.rejects()
    assert reject.rule == "coordinate"
    assert "not on the earth" in reject.reason
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    assert kota.sync().rows_rejected == 0
    assert kota.rejects() == []
    assert kota.count("BusStop") == 3


def test_a_rejected_row_that_is_gone_leaves_the_rejects(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS, [4, "Jauh", 1003.6, -0.95]])
    kota.declare(csv_source(entity=PLACED))
    kota.sync()
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    assert kota.sync().rows_rejected == 0
    assert kota.rejects() == []


def test_a_good_row_that_breaks_keeps_its_last_good_state(kota: Kota) -> None:
    start(kota, vanished="delete")
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya", 1003.6, -0.95], *ROWS[1:]])
    run = kota.sync()
    assert (run.rows_rejected, run.rows_vanished) == (1, 0)
    assert kota.values(STOP)["location"]["coordinates"] == [100.36, -0.95]


def test_a_row_that_was_unique_and_is_a_copy_now_is_rejected(kota: Kota) -> None:
    start(kota, rules=[{"rule": "unique", "column": "nama"}])
    kota.write_csv("halte.csv", [HEADER, [9, "Pasar Raya", 100.4, -0.9], *ROWS])
    run = kota.sync()
    assert (run.rows_written, run.rows_rejected) == (1, 1)
    assert [reject.key for reject in kota.rejects()] == ["1"]


def test_a_row_over_the_size_of_an_entity_does_not_keep_the_others_out(kota: Kota) -> None:
    large = {f"teks{number}": "x" * 900_000 for number in range(3)}
    kota.write_csv("halte.csv", [["id", *large], [1, *large.values()], [2, "a", "b", "c"]])
    attributes = {name: name for name in large}
    kota.declare(csv_source(entity={"type": "BusStop", "id": entity_uri("BusStop", "{id}"), "attributes": attributes}))
    run = kota.sync()
    assert (run.error, run.rows_written, run.rows_rejected) == (None, 1, 1)
    (reject,) = kota.rejects()
    assert "can be kept" in reject.reason
    assert sum(len(str(text)) for text in reject.raw.values()) < 20_000


def test_the_entity_of_a_source_tells_how_it_does(kota: Kota) -> None:
    start(kota)
    source = entity_uri("DataSource", "halte")
    values = kota.values(source)
    assert (values["status"], values["rowCount"], values["rejectCount"]) == ("ok", 3, 0)
    assert values["agency"] == entity_uri("Agency", "dishub")
    (kota.folder / "halte.csv").unlink()
    assert kota.sync().error is not None
    assert kota.values(source)["status"] == "failed"
    assert kota.values(source)["rowCount"] == 3


def test_two_runs_of_a_source_do_not_meet(kota: Kota) -> None:
    start(kota)

    async def both(hub: Hub) -> list[object]:
        runs = (sources.sync(operator(TENANT), hub, "halte") for _ in range(2))
        return list(await asyncio.gather(*runs, return_exceptions=True))

    outcomes = kota.with_hub(both)
    assert sum(isinstance(outcome, HubBusy) for outcome in outcomes) == 1


def test_a_source_of_an_unknown_context_url_is_refused_offline(kota: Kota) -> None:
    kota.write("sources/halte.yaml", csv_source(context="https://contoh.example.org/konteks.jsonld"))
    (problem,) = load_city(kota.folder).problems
    assert "is not in city.yaml's 'contexts'" in problem.message


def test_names_expand_by_the_context_of_the_source(kota: Kota) -> None:
    url = "https://contoh.example.org/konteks.jsonld"
    (kota.folder / "konteks.jsonld").write_text('{"@context": {"BusStop": "https://contoh.example.org/Halte"}}')
    kota.write_city(contexts={url: "konteks.jsonld"})
    kota.write_csv("halte.csv", [["id", "nama"], [1, "Pasar Raya"]])
    kota.declare(csv_source(context=url))
    assert kota.sync().error is None
    document = kota.look(lambda hub: hub.entities.find_document(TENANT, STOP))
    assert document is not None
    assert document.types == ("https://contoh.example.org/Halte",)


def test_a_declaration_reads_its_applied_form_as_it_was(kota: Kota) -> None:
    kota.write_csv("halte.csv", [HEADER, *ROWS])
    kota.declare(csv_source(entity=PLACED, rules=[{"rule": "inside", "attribute": "location", "area": "city"}]))
    applied: SourceDeclaration | None = kota.look(lambda hub: hub.city(TENANT).source("halte"))
    assert applied == kota.load().source("halte")


def test_a_row_that_gives_the_id_of_a_row_before_it_is_kept_aside(kota: Kota) -> None:
    named = {"type": "BusStop", "id": entity_uri("BusStop", "{nama|slug}"), "attributes": {"name": "nama"}}
    kota.write_csv("halte.csv", [HEADER, [1, "Pasar Raya", 1, 1], [2, "Balai Kota", 1, 1], [3, "PASAR RAYA", 1, 1]])
    kota.declare(csv_source(entity=named, key="nama"))
    run = kota.sync()
    assert (run.rows_written, run.rows_rejected) == (2, 1)
    (kept,) = kota.rejects()
    stop = entity_uri("BusStop", "pasar-raya")
    assert (kept.key, kept.rule) == ("PASAR RAYA", "same_id")
    assert kept.reason == f"the same id as row 'Pasar Raya': {stop}; the first row counts"
    assert kota.values(stop) == {"name": "Pasar Raya"}
    again = kota.sync()
    assert (again.rows_written, again.rows_unchanged, again.rows_rejected) == (0, 2, 1)
    kota.write_csv("halte.csv", [HEADER, [2, "Balai Kota", 1, 1], [3, "PASAR RAYA", 1, 1]])
    assert kota.sync().rows_rejected == 0
    assert kota.values(stop) == {"name": "PASAR RAYA"}
