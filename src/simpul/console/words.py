"""What people call the types, attributes and values that cities use. What is not here is split into words."""

from __future__ import annotations

import re

DEFAULT_PREFIX = "https://uri.etsi.org/ngsi-ld/default-context/"


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


WORDS = {
    "Agency": _("Agencies"),
    "Asset": _("Assets"),
    "Budget": _("Budgets"),
    "BusRoute": _("Bus corridors"),
    "BusStop": _("Bus stops"),
    "DataSource": _("Data sources"),
    "Household": _("Households"),
    "InundationDepth": _("Inundation depths"),
    "Kecamatan": _("Kecamatan"),
    "Kelurahan": _("Kelurahan"),
    "Kota": _("City boundary"),
    "Person": _("Residents"),
    "RainGauge": _("Rain posts"),
    "Shelter": _("Evacuation shelters"),
    "Vehicle": _("Buses and vehicles"),
    "WeatherObserved": _("Weather readings"),
    "address": _("Address"),
    "areaSize": _("Area"),
    "assetCode": _("Asset code"),
    "birthDate": _("Date of birth"),
    "brand": _("Brand"),
    "budget": _("Budget"),
    "budgetCapital": _("Budget, capital"),
    "budgetContingency": _("Budget, contingency"),
    "budgetOperations": _("Budget, operations"),
    "capacity": _("Capacity"),
    "category": _("Category"),
    "code": _("Code"),
    "condition": _("Condition"),
    "corridorNumber": _("Corridor number"),
    "depth": _("Depth"),
    "description": _("Description"),
    "elevation": _("Elevation"),
    "example": _("Example, not real"),
    "exampleFigures": _("Example figures"),
    "fiscalYear": _("Fiscal year"),
    "floorCount": _("Floors"),
    "gender": _("Gender"),
    "heading": _("Heading"),
    "location": _("Place"),
    "name": _("Name"),
    "nationalId": _("NIK"),
    "organisationCode": _("Organisation code"),
    "owner": _("Owner"),
    "populationEstimate": _("Population, estimated"),
    "precipitation": _("Rain"),
    "price": _("Price"),
    "rainfall": _("Rainfall"),
    "realised": _("Realised"),
    "realisedCapital": _("Realised, capital"),
    "realisedContingency": _("Realised, contingency"),
    "realisedOperations": _("Realised, operations"),
    "realisedShare": _("Share realised"),
    "refDevice": _("Device"),
    "refHousehold": _("Household"),
    "refKecamatan": _("Kecamatan"),
    "refKelurahan": _("Kelurahan"),
    "refKota": _("City"),
    "refNextStop": _("Next stop"),
    "refOppositeStop": _("Stop opposite"),
    "refPlace": _("At"),
    "refRoute": _("Corridor"),
    "registerNumber": _("Register number"),
    "routeCode": _("Corridor code"),
    "routeCodes": _("Corridor codes"),
    "scenario": _("Scenario"),
    "seriesDate": _("Day of the series"),
    "simulated": _("Simulated"),
    "speed": _("Speed"),
    "statisticsCode": _("Statistics office's code"),
    "synthetic": _("Synthetic"),
    "yearAcquired": _("Year acquired"),
}

# Values that sources map to English words, so that programs everywhere understand them.
VALUES = {
    "good": _("Good"),
    "lightly damaged": _("Lightly damaged"),
    "badly damaged": _("Badly damaged"),
    "male": _("Male"),
    "female": _("Female"),
}

ROLES = {
    "administrator": _("Administrator"),
    "integrator": _("Integrator"),
    "reader": _("Reader"),
}

# Rules of a source that a row can break.
RULES = {
    "boolean": _("Must be yes or no"),
    "broken": _("Must be a whole row"),
    "code": _("Must be a code of the list"),
    "complete": _("Must be filled"),
    "coordinate": _("Must be a coordinate on the earth"),
    "date": _("Must be a date"),
    "drift": _("Must have the columns of the run before"),
    "entity": _("Could not be taken over"),
    "fresh": _("Must be fresh"),
    "geometry": _("Must be a shape on the map"),
    "id": _("Must give a usable id"),
    "in_place": _("Must lie where it says"),
    "inside": _("Must lie inside the area"),
    "key": _("Must have a key that occurs once"),
    "keys": _("Every key that is expected, and no other"),
    "map": _("Must be one of the known values"),
    "no_crossing": _("Must have a border that does not cross itself"),
    "number": _("Must be a number"),
    "observed_at": _("Must say when it was observed"),
    "one_of": _("Must be one of the known values"),
    "parts": _("The parts must add up to the whole"),
    "pattern": _("Must have the right form"),
    "range": _("Must lie within the range"),
    "references": _("What it points to must be there"),
    "required": _("Must not be empty"),
    "rows": _("The number of rows that is expected"),
    "sentinel": _("Stands for: not known"),
    "same_id": _("Must not have the id of another row"),
    "text": _("Must be readable text"),
    "total": _("The sum that is expected"),
    "tree": _("A parent must be the sum of its parts"),
    "unique": _("Must not occur twice"),
}

# What a quality report scores, and what each score asks.
DIMENSIONS = {
    "completeness": (_("Completeness"), _("Is everything there that should be?")),
    "uniqueness": (_("Uniqueness"), _("Is everything there only once?")),
    "validity": (_("Validity"), _("Does everything have the right form?")),
    "consistency": (_("Consistency"), _("Does it agree with itself and with the rest?")),
    "freshness": (_("Freshness"), _("Is it up to date?")),
}

# What a subscription tells of (CIM 009 §5.2.12).
TRIGGERS = {
    "entityCreated": _("new entities"),
    "entityUpdated": _("changed entities"),
    "entityDeleted": _("deleted entities"),
    "attributeCreated": _("new attributes"),
    "attributeUpdated": _("changed attributes"),
    "attributeDeleted": _("deleted attributes"),
}

# Why somebody is told of connected hubs (CIM 009 §5.3.2).
SOURCE_NEWS = {
    "newlyMatching": _("connected"),
    "updated": _("changed"),
    "noLongerMatching": _("no longer connected"),
}

# How a connected hub and this one share what both could hold (CIM 009 §4.3.6.2, §4.3.6.3), and what that means.
MODES = {
    "inclusive": (_("Inclusive"), _("Both hubs may hold the data; answers are put together.")),
    "exclusive": (_("Exclusive"), _("Only the other hub holds these attributes.")),
    "redirect": (_("Redirect"), _("Only the other hub holds these entities.")),
    "auxiliary": (_("Auxiliary"), _("The other hub fills in what is not known here.")),
}

# Connectors, as a clerk would name the systems behind them.
SYSTEMS = {
    "sql": _("Database"),
    "table": _("Table (CSV, Excel)"),
    "geo": _("Map file (GeoJSON)"),
    "mqtt": _("Devices (MQTT)"),
    "rest": _("Service (JSON)"),
    "sqldump": _("Database dump"),
    "gtfs": _("Public transport (GTFS)"),
    "ckan": _("Open data portal (CKAN)"),
    "ngsild": _("Another hub (NGSI-LD)"),
    "files": _("Files that arrive"),
}


def message(name: str) -> str | None:
    """Return the message that names a type or attribute, or None."""
    return WORDS.get(short_name(name))


def short_name(name: str) -> str:
    """Return the last part of an IRI, or the name itself."""
    return re.split(r"[/#]", name)[-1] if "://" in name else name


def split_name(name: str) -> str:
    """Return `waterDepth` as `Water depth`, for names that the console has no word for."""
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", short_name(name)).replace("_", " ").split()
    text = " ".join(part if part.isupper() and len(part) > 1 else part.lower() for part in parts)
    return text[:1].upper() + text[1:]
