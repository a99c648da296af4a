"""Sources proposed by looking at open-data portals that run CKAN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connect.kota import Kota, entity_uri
from tests.connect.looking import new, proposed, take_over
from tests.connect.parts.ckan import Portal
from tests.connect.service import Service, run_service

COLUMNS = ["id", "nama_halte", "lat", "lng"]
ROWS: list[list[Any]] = [
    [number, f"Halte {number}", f"{-0.9 - number / 999:.5f}", f"{100.3 + number / 999:.5f}"] for number in range(1, 41)
]
CSV = ("Data Taman Kota\n\nid,nama\n" + "".join(f"{number},Taman {number}\n" for number in range(1, 31))).encode()


@pytest.fixture
def portal() -> Portal:
    made = Portal()
    file: dict[str, Any] = {
        "id": "t1", "name": "Taman kota", "format": "CSV", "state": "active", "url": "/dataset/taman/download/t.csv",
    }  # fmt: skip
    picture = {"id": "g1", "name": "Gambar", "format": "PNG", "state": "active", "url": "/gambar.png"}
    made.files[file["url"]] = CSV
    made.put_dataset("halte", made.put_records("r1", COLUMNS, ROWS))
    made.put_dataset("taman", file, picture)
    return made


@pytest.fixture
def service(portal: Portal) -> Iterator[Service]:
    with run_service(portal.answer) as served:
        yield served


@pytest.mark.parametrize("path", [
    "/dataset/halte", "/dataset/halte/", "/dataset/halte/resource/r1", "/api/3/action/package_show?id=halte",
    "/api/3/action/datastore_search?resource_id=r1&limit=5", "/datastore/dump/r1?bom=True",
])  # fmt: skip
def test_a_page_of_a_portal_becomes_a_source_that_is_applied_unchanged(kota: Kota, service: Service, path: str) -> None:
    told = new(kota, service.url + path, "--source", "halte")
    assert told.exit_code == 0, told.output
    assert "of 40 rows, 40 would go in and 0 be kept aside" in told.output
    plain = proposed(kota, "halte")
    assert plain["read"]["url"] == service.url
    assert plain["kind"] == "ckan"
    assert plain["entity"]["attributes"]["location"] == {"point": {"longitude": "lng", "latitude": "lat"}}
    assert take_over(kota, "halte").rows_written == 40


def test_a_resource_is_named_by_its_dataset_and_its_name_which_stay(kota: Kota, service: Service) -> None:
    assert new(kota, f"{service.url}/dataset/halte", "--source", "halte").exit_code == 0
    read = proposed(kota, "halte")["read"]
    assert (read["dataset"], read["resource"]) == ("halte", "Data r1")


def test_the_header_of_a_file_is_found_below_its_title(kota: Kota, service: Service) -> None:
    told = new(kota, f"{service.url}/dataset/taman")
    assert told.exit_code == 0, told.output
    plain = proposed(kota, "taman")
    assert plain["read"]["table"] == {"skip_rows": 2}
    assert take_over(kota, "taman").rows_written == 30
    assert kota.values(entity_uri(plain["entity"]["type"], "7"))["name"] == "Taman 7"


def test_a_portal_lists_what_can_be_read_of_all_its_datasets(kota: Kota, service: Service) -> None:
    told = new(kota, service.url.replace("127.0.0.1", "localhost"), "--kind", "ckan")
    assert told.exit_code == 1
    assert "halte/Data r1" in told.output
    assert "taman/Taman kota" in told.output
    assert "Gambar" not in told.output


def test_what_a_portal_does_not_know_is_told_in_its_words(kota: Kota, service: Service) -> None:
    told = new(kota, f"{service.url}/dataset/tidak-ada")
    assert told.exit_code == 1
    assert "does not know the dataset 'tidak-ada'" in told.output
