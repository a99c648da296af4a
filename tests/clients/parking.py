"""The steps that ngsildclient's guide walks through, run with that client against a hub; says what came of each.

`python parking.py PORT TOKEN CONTEXT`, in an environment that has the client: it wants other libraries than the hub.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ngsildclient import (
    Client,
    Entity,
    MultAttrValue,
    SubscriptionBuilder,
)

SPOTS, OCCUPIED = 60, 42


def shown(token: str) -> Callable[[Any], Any]:
    """Return what shows the hub's token with every request."""

    def sign(request: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def make_parking(context: str) -> Any:
    """Return a parking place with a number that was observed, and how sure that is."""
    parking = Entity("OffStreetParking", "Downtown1")
    parking.ctx.append(context)
    parking.prop("name", "Downtown One")
    parking.prop("availableSpotNumber", 121, observedat=datetime(2022, 10, 25, 8, tzinfo=UTC)).anchor()
    parking.prop("reliability", 0.7).rel("providedBy", "Camera:C1").unanchor()
    parking.prop("totalSpotNumber", 200).loc(41.2, -8.5)
    return parking


def fill(client: Any, parking: Any) -> None:
    """Ten more cars every hour, until the evening."""
    number = parking["availableSpotNumber"]
    for _ in range(12):
        number.observedat += timedelta(hours=1)
        number.value -= 10
        client.update(parking)


def make_spots(parking: Any) -> list[Any]:
    """Return a spot for every car, the first ones occupied, and let the parking place know of each."""
    spot = Entity("ParkingSpot", "OffStreetParking:porto-1:000")
    spot.prop("status", "free")
    spot.rel("refParkingSite", parking)
    spots = spot * SPOTS
    links = MultAttrValue()
    for number, one in enumerate(spots):
        one.id = f"{one.id[:-3]}{number + 1:03}"
        if number < OCCUPIED:
            one["status"].value = "occupied"
        links.add(one, datasetid=f"Dataset:{one.id[-3:]}")
    parking.rel("refParkingSpot", links)
    return list(spots)


def subscribe(client: Any) -> int:
    """Subscribe to a full parking place; return how many subscriptions there are then."""
    subscription = (
        SubscriptionBuilder("https://parking.example.org/subscription/high-occupancy")
        .description("Tells of a parking place that is nearly full.")
        .select_type("OffStreetParking")
        .watch(["occupancy"])
        .query('occupancy>0.9;controlledAsset=="urn:ngsi-ld:OffStreetParking:porto-1"')
        .build()
    )
    client.subscriptions.create(subscription)
    return len(client.subscriptions.list())


def main(port: int, token: str, context: str) -> dict[str, Any]:
    client = Client("127.0.0.1", port, custom_auth=shown(token), verbose=False)
    said: dict[str, Any] = {"connected": client.is_connected()}
    parking = make_parking(context)
    said["created"] = bool(client.create(parking))
    fill(client, parking)
    found = client.get("OffStreetParking:Downtown1", ctx=context)
    said["available"] = found["availableSpotNumber"].value
    said["reliability"] = found["availableSpotNumber.reliability"].value
    history = client.temporal.get(parking, ctx=context)
    # The client updates by removing and making anew, and a history tells of what was removed, too (CIM 009 §4.5.7).
    told = [value for value, _ in history["availableSpotNumber"]["values"]]
    said["history"] = [value for value in told if value != "urn:ngsi-ld:null"]

    large = Entity("OffStreetParking", "porto-1")
    large.prop("totalSpotNumber", SPOTS)
    spots = make_spots(large)
    client.upsert([large, *spots])
    site = 'refParkingSite=="urn:ngsi-ld:OffStreetParking:porto-1"'
    said["occupied"] = client.count("ParkingSpot", q=f'{site};status=="occupied"')
    said["queried"] = len(client.query("ParkingSpot", q='status=="free"'))
    said["types"] = sorted(client.types.list())
    said["subscriptions"] = subscribe(client)
    said["exists"] = client.exists("urn:ngsi-ld:ParkingSpot:OffStreetParking:porto-1:001")
    said["deleted"] = bool(client.delete(spots[0]))
    client.delete_where("ParkingSpot", q='status=="free"')
    said["left"] = client.count("ParkingSpot")
    client.drop("ParkingSpot")
    said["after_drop"] = client.count("ParkingSpot")
    client.close()
    return said


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), sys.argv[2], sys.argv[3])))
