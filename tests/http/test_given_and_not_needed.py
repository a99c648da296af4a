"""What a request says is looked at also where it does not matter, so that what is wrong in it is told."""

from __future__ import annotations

import httpx2
import pytest

from tests.http.conftest import API, raise_unless_problem


@pytest.mark.parametrize(
    "target",
    [
        # §5.5.13: `local` goes with every operation.
        "/types?local=yes",
        "/jsonldContexts?local=yes",
        "/subscriptions?local=1",
        "/info/sourceIdentity?local=TRUE",
        # §6.3.11: options has said already what sysAttrs says; a list is empty.
        "/entities?type=Halte&options=sysAttrs&sysAttrs=yes",
        "/subscriptions?sysAttrs=yes",
        "/csourceSubscriptions?sysAttrs=yes",
        "/csourceRegistrations?type=Halte&options=sysAttrs&sysAttrs=yes",
        # §4.23: no distance is asked for.
        "/entities?type=Halte&orderGeometry=Place",
        # §4.5.19: nothing is aggregated; and digits are those of ISO 8601.
        "/temporal/entities?type=Halte&aggrMethods=mean",
        "/temporal/entities?type=Halte&aggrPeriodDuration=1h",
        "/temporal/entities?type=Halte&format=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=P%D9%A1D",
        # §4.11: without timerel no moment is needed.
        "/csourceRegistrations?type=Halte&timeAt=yesterday",
        "/csourceRegistrations?type=Halte&timerel=before&timeAt=2024-05-01T10:00:00Z&endTimeAt=later",
    ],
)
def test_what_is_wrong_and_not_needed_is_told(writer: httpx2.Client, target: str) -> None:
    raise_unless_problem(writer.get(API + target), 400, "BadRequestData")


@pytest.mark.parametrize(
    "target",
    [
        "/types?local=",
        "/types?local=true",
        "/subscriptions?local=false&sysAttrs=true&options=sysAttrs",
        "/entities?type=Halte&orderGeometry=Point",
        "/temporal/entities?type=Halte&aggrMethods=avg,max&aggrPeriodDuration=P1D",
        "/csourceRegistrations?type=Halte&timeAt=&endTimeAt=2024-05-01T10:00:00Z",
        "/csourceRegistrations?type=Halte&timerel=after&timeAt=2024-05-01T10:00:00Z",
    ],
)
def test_what_is_right_and_not_needed_does_no_harm(writer: httpx2.Client, target: str) -> None:
    assert writer.get(API + target).status_code == 200


@pytest.mark.parametrize(("number", "status"), [("3", 200), ("3.0", 200), ("3.5", 400), ("true", 400)])
def test_a_whole_number_is_one_however_it_is_written(writer: httpx2.Client, number: str, status: int) -> None:
    # §5.2.21: lastN is an integer, which 3.0 is in JSON as well.
    body = f'{{"type": "Query", "entities": [{{"type": "Halte"}}], "temporalQ": {{"lastN": {number}}}}}'
    headers = {"Content-Type": "application/json"}
    assert writer.post(API + "/temporal/entityOperations/query", content=body, headers=headers).status_code == status
