"""The core @context of NGSI-LD (CIM 009 Annex B) as one table of facts, v1.3 to v1.9. No processing (`context.py`).

Each row is what a term meant in a span of versions: where the meaning changed, a term has several rows.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

VERSIONS: Final = ("1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9")
NEWEST: Final = VERSIONS[-1]
DEFAULT_VOCABULARY: Final = "https://uri.etsi.org/ngsi-ld/default-context/"
PREFIXES: Final = {"ngsi-ld": "https://uri.etsi.org/ngsi-ld/", "geojson": "https://purl.org/geojson/vocab#"}
KEYWORD_ALIASES: Final = {"id": "@id", "type": "@type"}
CORE_CONTEXT_BASE: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
CORE_CONTEXT_URL: Final = f"{CORE_CONTEXT_BASE}-v{NEWEST}.jsonld"
# The scheme was `http` in early documents, and clients still send it.
CORE_CONTEXT_URLS: Final[dict[str, str]] = {
    f"{scheme}{CORE_CONTEXT_BASE.removeprefix('https')}{suffix}.jsonld": version
    for scheme in ("https", "http")
    for suffix, version in [("", NEWEST), *((f"-v{version}", version) for version in VERSIONS)]
}


class Term(NamedTuple):
    """A term, what it stands for (as a compact IRI), and the versions that have it so, both ends included."""

    name: str
    iri: str
    since: str
    until: str = NEWEST
    coercion: str | None = None
    container: str | None = None

    def is_in(self, version: str) -> bool:
        return VERSIONS.index(self.since) <= VERSIONS.index(version) <= VERSIONS.index(self.until)


TERMS: Final = (
    Term("accept", "ngsi-ld:accept", "1.3"),
    Term("aggrMethods", "ngsi-ld:aggrMethods", "1.9"),
    Term("aggrParams", "ngsi-ld:aggrParams", "1.9"),
    Term("aggrPeriodDuration", "ngsi-ld:aggrPeriodDuration", "1.9"),
    Term("Attribute", "ngsi-ld:Attribute", "1.3"),
    Term("attributeCount", "attributeCount", "1.3", until="1.4"),
    Term("attributeCount", "ngsi-ld:attributeCount", "1.5", until="1.5"),
    Term("attributeCount", "attributeCount", "1.6", until="1.8"),
    Term("attributeCount", "ngsi-ld:attributeCount", "1.9"),
    Term("attributeDetails", "attributeDetails", "1.3", until="1.4"),
    Term("attributeDetails", "ngsi-ld:attributeDetails", "1.5", until="1.5"),
    Term("attributeDetails", "attributeDetails", "1.6", until="1.8"),
    Term("attributeDetails", "ngsi-ld:attributeDetails", "1.9"),
    Term("AttributeList", "ngsi-ld:AttributeList", "1.3"),
    Term("attributeList", "ngsi-ld:attributeList", "1.3", coercion="@vocab"),
    Term("attributeName", "ngsi-ld:attributeName", "1.3", coercion="@vocab"),
    Term("attributeNames", "ngsi-ld:attributeNames", "1.3", coercion="@vocab"),
    Term("attributes", "ngsi-ld:attributes", "1.3", coercion="@vocab"),
    Term("attributeTypes", "ngsi-ld:attributeTypes", "1.3", coercion="@vocab"),
    Term("attrs", "ngsi-ld:attrs", "1.5"),
    Term("avg", "ngsi-ld:avg", "1.4", container="@list"),
    Term("bbox", "geojson:bbox", "1.3", container="@list"),
    Term("cacheDuration", "ngsi-ld:cacheDuration", "1.6"),
    Term("collation", "ngsi-ld:collation", "1.9"),
    Term("containedBy", "ngsi-ld:isContainedBy", "1.8"),
    Term("contextSourceAlias", "ngsi-ld:contextSourceAlias", "1.8"),
    Term("contextSourceExtras", "ngsi-ld:contextSourceExtras", "1.8", coercion="@json"),
    Term("ContextSourceIdentity", "ngsi-ld:ContextSourceIdentity", "1.8"),
    Term("contextSourceInfo", "ngsi-ld:contextSourceInfo", "1.6"),
    Term("ContextSourceNotification", "ngsi-ld:ContextSourceNotification", "1.3"),
    Term("ContextSourceRegistration", "ngsi-ld:ContextSourceRegistration", "1.3"),
    Term("contextSourceTimeAt", "ngsi-ld:contextSourceTimeAt", "1.8", coercion="DateTime"),
    Term("contextSourceUptime", "ngsi-ld:contextSourceUptime", "1.8"),
    Term("cooldown", "ngsi-ld:cooldown", "1.6"),
    Term("coordinates", "geojson:coordinates", "1.3", container="@list"),
    Term("createdAt", "ngsi-ld:createdAt", "1.3", coercion="DateTime"),
    Term("csf", "ngsi-ld:csf", "1.3"),
    Term("data", "ngsi-ld:data", "1.3"),
    Term("dataset", "ngsi-ld:hasDataset", "1.7", container="@index"),
    Term("datasetId", "ngsi-ld:datasetId", "1.3", coercion="@id"),
    Term("Date", "ngsi-ld:Date", "1.3"),
    Term("DateTime", "ngsi-ld:DateTime", "1.3"),
    Term("deletedAt", "ngsi-ld:deletedAt", "1.6", coercion="DateTime"),
    Term("description", "http://purl.org/dc/terms/description", "1.3"),
    Term("detail", "ngsi-ld:detail", "1.3"),
    Term("distinctCount", "ngsi-ld:distinctCount", "1.4", container="@list"),
    Term("endAt", "ngsi-ld:endAt", "1.3", coercion="DateTime"),
    Term("endpoint", "ngsi-ld:endpoint", "1.3"),
    Term("endTimeAt", "ngsi-ld:endTimeAt", "1.3", coercion="DateTime"),
    Term("entities", "ngsi-ld:entities", "1.3"),
    Term("entity", "ngsi-ld:entity", "1.8"),
    Term("entityCount", "ngsi-ld:entityCount", "1.3"),
    Term("entityId", "ngsi-ld:entityId", "1.3", coercion="@id"),
    Term("entityList", "ngsi-ld:entityList", "1.8", container="@list"),
    Term("EntityMap", "ngsi-ld:EntityMap", "1.9"),
    Term("entityMap", "ngsi-ld:hasEntityMap", "1.8", until="1.8"),
    Term("entityMap", "ngsi-ld:hasEntityMap", "1.9", container="@index"),
    Term("entityMapLifetime", "ngsi-ld:hasEntityMapLifetime", "1.9"),
    Term("EntityType", "ngsi-ld:EntityType", "1.3"),
    Term("EntityTypeInfo", "ngsi-ld:EntityTypeInfo", "1.3"),
    Term("EntityTypeList", "ngsi-ld:EntityTypeList", "1.3"),
    Term("error", "ngsi-ld:error", "1.3"),
    Term("errors", "ngsi-ld:errors", "1.3"),
    Term("ExecutionResultDetails", "ngsi-ld:ExecutionResultDetails", "1.9"),
    Term("expandValues", "ngsi-ld:expandValues", "1.9"),
    Term("expiresAt", "ngsi-ld:expiresAt", "1.3", coercion="DateTime"),
    Term("Feature", "geojson:Feature", "1.3"),
    Term("FeatureCollection", "geojson:FeatureCollection", "1.3"),
    Term("features", "geojson:features", "1.3", container="@set"),
    Term("format", "ngsi-ld:format", "1.3"),
    Term("geometry", "geojson:geometry", "1.3"),
    Term("GeometryCollection", "geojson:GeometryCollection", "1.3"),
    Term("GeoProperty", "ngsi-ld:GeoProperty", "1.3"),
    Term("geoproperty", "ngsi-ld:geoproperty", "1.3"),
    Term("geoQ", "ngsi-ld:geoQ", "1.3"),
    Term("georel", "ngsi-ld:georel", "1.3"),
    Term("idPattern", "ngsi-ld:idPattern", "1.3"),
    Term("information", "ngsi-ld:information", "1.3"),
    Term("instanceId", "ngsi-ld:instanceId", "1.3", coercion="@id"),
    Term("isActive", "ngsi-ld:isActive", "1.3"),
    Term("join", "ngsi-ld:join", "1.8"),
    Term("joinLevel", "ngsi-ld:hasJoinLevel", "1.8"),
    Term("json", "ngsi-ld:hasJSON", "1.8", coercion="@json"),
    Term("jsonKeys", "ngsi-ld:jsonKeys", "1.9"),
    Term("jsonldContext", "ngsi-ld:jsonldContext", "1.9"),
    Term("JsonProperty", "ngsi-ld:JsonProperty", "1.8"),
    Term("jsons", "ngsi-ld:jsons", "1.8", container="@list"),
    Term("key", "ngsi-ld:hasKey", "1.6"),
    Term("lang", "ngsi-ld:lang", "1.5"),
    Term("langString", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString", "1.9"),
    Term("languageMap", "ngsi-ld:hasLanguageMap", "1.5", container="@language"),
    Term("languageMaps", "ngsi-ld:hasLanguageMaps", "1.6", container="@list"),
    Term("LanguageProperty", "ngsi-ld:LanguageProperty", "1.5"),
    Term("lastFailure", "ngsi-ld:lastFailure", "1.3", coercion="DateTime"),
    Term("lastN", "ngsi-ld:lastN", "1.9"),
    Term("lastNotification", "ngsi-ld:lastNotification", "1.3", coercion="DateTime"),
    Term("lastSuccess", "ngsi-ld:lastSuccess", "1.3", coercion="DateTime"),
    Term("lastUsedAt", "ngsi-ld:lastUsedAt", "1.9", coercion="DateTime"),
    Term("LineString", "geojson:LineString", "1.3"),
    Term("linkedMaps", "ngsi-ld:linkedMaps", "1.8"),
    Term("ListProperty", "ngsi-ld:ListProperty", "1.8"),
    Term("ListRelationship", "ngsi-ld:ListRelationship", "1.8"),
    Term("localOnly", "ngsi-ld:localOnly", "1.6"),
    Term("location", "ngsi-ld:location", "1.3"),
    Term("management", "ngsi-ld:management", "1.6"),
    Term("managementInterval", "ngsi-ld:managementInterval", "1.3"),
    Term("max", "ngsi-ld:max", "1.4", container="@list"),
    Term("min", "ngsi-ld:min", "1.4", container="@list"),
    Term("mode", "ngsi-ld:mode", "1.6"),
    Term("modifiedAt", "ngsi-ld:modifiedAt", "1.3", coercion="DateTime"),
    Term("MultiLineString", "geojson:MultiLineString", "1.3"),
    Term("MultiPoint", "geojson:MultiPoint", "1.3"),
    Term("MultiPolygon", "geojson:MultiPolygon", "1.3"),
    Term("ngsildConformance", "ngsi-ld:ngsildConformance", "1.9"),
    Term("ngsildproof", "ngsi-ld:ngsildproof", "1.9"),
    Term("Notification", "ngsi-ld:Notification", "1.3"),
    Term("notification", "ngsi-ld:notification", "1.3"),
    Term("notificationTrigger", "ngsi-ld:notificationTrigger", "1.6"),
    Term("notifiedAt", "ngsi-ld:notifiedAt", "1.3", coercion="DateTime"),
    Term("notifierInfo", "ngsi-ld:notifierInfo", "1.6"),
    Term("notUpdated", "ngsi-ld:notUpdated", "1.6"),
    Term("object", "ngsi-ld:hasObject", "1.3", coercion="@id"),
    Term("objectList", "ngsi-ld:hasObjectList", "1.8", container="@list"),
    Term("objectLists", "ngsi-ld:hasObjectLists", "1.9", container="@list"),
    Term("objects", "ngsi-ld:hasObjects", "1.3", until="1.5", coercion="@id", container="@list"),
    Term("objects", "ngsi-ld:hasObjects", "1.6", container="@list"),
    Term("objectsLists", "ngsi-ld:hasObjectsLists", "1.8", until="1.8", container="@list"),
    Term("objectType", "ngsi-ld:hasObjectType", "1.8", coercion="@vocab"),
    Term("observationInterval", "ngsi-ld:observationInterval", "1.3"),
    Term("observationSpace", "ngsi-ld:observationSpace", "1.3"),
    Term("observedAt", "ngsi-ld:observedAt", "1.3", coercion="DateTime"),
    Term("omit", "ngsi-ld:omit", "1.9"),
    Term("operations", "ngsi-ld:operations", "1.6"),
    Term("operationSpace", "ngsi-ld:operationSpace", "1.3"),
    Term("orderBy", "ngsi-ld:orderBy", "1.9", container="@list"),
    Term("ordering", "ngsi-ld:ordering", "1.9"),
    Term("pick", "ngsi-ld:pick", "1.9"),
    Term("Point", "geojson:Point", "1.3"),
    Term("Polygon", "geojson:Polygon", "1.3"),
    Term("previousJson", "ngsi-ld:hasPreviousJson", "1.8", coercion="@json"),
    Term("previousLanguageMap", "ngsi-ld:hasPreviousLanguageMap", "1.6", container="@language"),
    Term("previousObject", "ngsi-ld:hasPreviousObject", "1.6", coercion="@id"),
    Term("previousObjectList", "ngsi-ld:hasPreviousObjectList", "1.8", container="@list"),
    Term("previousValue", "ngsi-ld:hasPreviousValue", "1.6"),
    Term("previousValueList", "ngsi-ld:hasPreviousValueList", "1.8", container="@list"),
    Term("previousVocab", "ngsi-ld:hasPreviousVocab", "1.7", coercion="@vocab"),
    Term("problemDetails", "ngsi-ld:problemDetails", "1.9", coercion="@json"),
    Term("properties", "geojson:properties", "1.3"),
    Term("Property", "ngsi-ld:Property", "1.3"),
    Term("propertyNames", "ngsi-ld:propertyNames", "1.3", coercion="@vocab"),
    Term("q", "ngsi-ld:q", "1.3"),
    Term("reason", "ngsi-ld:reason", "1.3"),
    Term("receiverInfo", "ngsi-ld:receiverInfo", "1.6"),
    Term("refreshRate", "ngsi-ld:refreshRate", "1.6"),
    Term("registrationId", "ngsi-ld:registrationId", "1.6"),
    Term("registrationName", "ngsi-ld:registrationName", "1.3"),
    Term("Relationship", "ngsi-ld:Relationship", "1.3"),
    Term("relationshipNames", "ngsi-ld:relationshipNames", "1.3", coercion="@vocab"),
    Term("resultStatus", "ngsi-ld:resultStatus", "1.9"),
    Term("scope", "ngsi-ld:scope", "1.5"),
    Term("scopeQ", "ngsi-ld:scopeQ", "1.5"),
    Term("showChanges", "ngsi-ld:showChanges", "1.6"),
    Term("Snapshot", "ngsi-ld:Snapshot", "1.9"),
    Term("snapshotId", "ngsi-ld:snapshotId", "1.9"),
    Term("snapshotLifetime", "ngsi-ld:snapshotLifetime", "1.9"),
    Term("SnapshotNotification", "ngsi-ld:SnapshotNotification", "1.9"),
    Term("snapshotPriority", "ngsi-ld:snapshotPriority", "1.9"),
    Term("snapshotQueries", "ngsi-ld:snapshotQueries", "1.9", container="@list"),
    Term("snapshotQueriesDetails", "ngsi-ld:snapshotQueriesDetails", "1.9", container="@list"),
    Term("snapshotStatus", "ngsi-ld:snapshotStatus", "1.9"),
    Term("snapshotTemporalQueries", "ngsi-ld:snapshotTemporalQueries", "1.9", container="@list"),
    Term("snapshotTemporalQueriesDetails", "ngsi-ld:snapshotTemporalQueriesDetails", "1.9", container="@list"),
    Term("splitEntities", "ngsi-ld:hasSplitEntities", "1.9"),
    Term("startAt", "ngsi-ld:startAt", "1.3", coercion="DateTime"),
    Term("status", "ngsi-ld:status", "1.3"),
    Term("stddev", "ngsi-ld:stddev", "1.4", container="@list"),
    Term("Subscription", "ngsi-ld:Subscription", "1.3"),
    Term("subscriptionId", "ngsi-ld:subscriptionId", "1.3", coercion="@id"),
    Term("subscriptionName", "ngsi-ld:subscriptionName", "1.3"),
    Term("success", "ngsi-ld:success", "1.3", coercion="@id"),
    Term("sum", "ngsi-ld:sum", "1.4", container="@list"),
    Term("sumsq", "ngsi-ld:sumsq", "1.4", container="@list"),
    Term("sysAttrs", "ngsi-ld:sysAttrs", "1.6"),
    Term("TemporalProperty", "ngsi-ld:TemporalProperty", "1.3"),
    Term("temporalQ", "ngsi-ld:temporalQ", "1.3"),
    Term("tenant", "ngsi-ld:tenant", "1.5", coercion="@id"),
    Term("throttling", "ngsi-ld:throttling", "1.3"),
    Term("Time", "ngsi-ld:Time", "1.3"),
    Term("timeAt", "ngsi-ld:timeAt", "1.3", coercion="DateTime"),
    Term("timeInterval", "ngsi-ld:timeInterval", "1.3"),
    Term("timeout", "ngsi-ld:timeout", "1.6"),
    Term("timeproperty", "ngsi-ld:timeproperty", "1.3"),
    Term("timerel", "ngsi-ld:timerel", "1.3"),
    Term("timesFailed", "ngsi-ld:timesFailed", "1.6"),
    Term("timesSent", "ngsi-ld:timesSent", "1.3"),
    Term("title", "http://purl.org/dc/terms/title", "1.3"),
    Term("totalCount", "ngsi-ld:totalCount", "1.4", container="@list"),
    Term("triggerReason", "ngsi-ld:triggerReason", "1.3"),
    Term("typeList", "ngsi-ld:typeList", "1.3", coercion="@vocab"),
    Term("typeName", "ngsi-ld:typeName", "1.3", coercion="@vocab"),
    Term("typeNames", "ngsi-ld:typeNames", "1.3", coercion="@vocab"),
    Term("unchanged", "ngsi-ld:unchanged", "1.3"),
    Term("unitCode", "ngsi-ld:unitCode", "1.3"),
    Term("updated", "ngsi-ld:updated", "1.3"),
    Term("uri", "ngsi-ld:uri", "1.3"),
    Term("value", "ngsi-ld:hasValue", "1.3"),
    Term("valueList", "ngsi-ld:hasValueList", "1.8", container="@list"),
    Term("valueLists", "ngsi-ld:hasValueLists", "1.8", container="@list"),
    Term("values", "ngsi-ld:hasValues", "1.3", container="@list"),
    Term("valueType", "ngsi-ld:hasValueType", "1.9", coercion="@vocab"),
    Term("vocab", "ngsi-ld:hasVocab", "1.7", coercion="@vocab"),
    Term("VocabProperty", "ngsi-ld:VocabProperty", "1.8"),
    Term("vocabs", "ngsi-ld:hasVocabs", "1.7", container="@list"),
    Term("VocabularyProperty", "ngsi-ld:VocabularyProperty", "1.7", until="1.7"),
    Term("watchedAttributes", "ngsi-ld:watchedAttributes", "1.3", coercion="@vocab"),
)


def shorten(iri: str) -> str:
    """Return what a message calls an attribute where no @context is at hand: the name without the core's own bases."""
    for base in (DEFAULT_VOCABULARY, PREFIXES["ngsi-ld"]):
        if iri.startswith(base):
            return iri.removeprefix(base)
    return iri


def list_core_terms(version: str = NEWEST) -> list[Term]:
    """Return the terms of one version of the core context."""
    return [term for term in TERMS if term.is_in(version)]


def core_context_document(version: str = NEWEST) -> dict[str, Any]:
    """Return the core @context of a version as a JSON-LD document."""
    terms: dict[str, Any] = {}
    if VERSIONS.index(version) >= VERSIONS.index("1.8"):
        terms |= {"@version": 1.1, "@protected": True}
    terms |= PREFIXES | KEYWORD_ALIASES
    for term in list_core_terms(version):
        terms[term.name] = _definition(term)
    return {"@context": terms | {"@vocab": DEFAULT_VOCABULARY}}


def _definition(term: Term) -> str | dict[str, str]:
    if term.coercion is None and term.container is None:
        return term.iri
    definition = {"@id": term.iri}
    if term.coercion is not None:
        definition["@type"] = term.coercion
    if term.container is not None:
        definition["@container"] = term.container
    return definition
