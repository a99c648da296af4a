"""The @context: names to IRIs and back, with PyLD as the oracle, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld import jsonld

from simpul import limits
from simpul.domain.context import CORE, Context, build_context, core_context_document
from simpul.domain.core_context import CORE_CONTEXT_URL, CORE_CONTEXT_URLS, TERMS, VERSIONS, list_core_terms
from simpul.domain.errors import BadRequestData, ContextNotAvailable

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
PADANG = "https://data.padang.go.id/vocabulary#"


def refuse(url: str) -> dict[str, Any]:
    raise ContextNotAvailable(f"The @context {url} is not there.")


def context_of(*documents: Any, **loadable: Any) -> Context:
    def load(url: str) -> dict[str, Any]:
        name = url.rpartition("/")[2]
        return loadable[name] if name in loadable else refuse(url)

    return build_context([("", document) for document in documents], load)


def test_a_name_without_a_term_is_in_the_default_context() -> None:
    assert CORE.expand("halte") == f"{DEFAULT}halte"
    assert CORE.compact(f"{DEFAULT}halte") == "halte"


def test_core_terms_have_their_own_iris() -> None:
    assert CORE.expand("location") == f"{NGSI_LD}location"
    assert CORE.expand("title") == "http://purl.org/dc/terms/title"
    assert CORE.compact("https://purl.org/geojson/vocab#Point") == "Point"


def test_a_core_term_wins_over_a_user_term() -> None:
    context = context_of({"location": f"{PADANG}location", "Halte": f"{PADANG}Halte"})
    assert context.expand("location") == f"{NGSI_LD}location"
    assert context.expand("Halte") == f"{PADANG}Halte"


def test_iris_and_compact_iris_expand() -> None:
    context = context_of({"padang": PADANG})
    assert context.expand("padang:Halte") == f"{PADANG}Halte"
    assert context.compact(f"{PADANG}Halte") == "padang:Halte"
    assert context.expand("urn:ngsi-ld:X") == "urn:ngsi-ld:X"
    assert context.expand("https://example.org/X") == "https://example.org/X"
    assert context.expand("ngsi-ld:Property") == f"{NGSI_LD}Property"


def test_a_term_is_chosen_before_a_prefix_and_the_shortest_of_several() -> None:
    context = context_of({"padang": PADANG, "Halte": "padang:Halte", "HalteBus": "padang:Halte"})
    assert context.compact(f"{PADANG}Halte") == "Halte"


def test_a_name_that_a_term_takes_is_not_used_for_another_iri() -> None:
    context = context_of({"halte": f"{PADANG}halte"})
    assert context.compact(f"{DEFAULT}halte") == "ngsi-ld:default-context/halte"


def test_terms_may_rest_on_terms_that_come_later() -> None:
    context = context_of({"Halte": {"@id": "padang:Halte", "@type": "@id"}, "padang": {"@id": PADANG, "@prefix": True}})
    assert context.expand("Halte") == f"{PADANG}Halte"
    assert context.coercions["Halte"] == "@id"


def test_the_users_vocabulary_names_the_terms_of_its_own_document() -> None:
    context = context_of({"@vocab": PADANG, "stop": "Halte", "kelurahan": {"@type": "@vocab"}})
    assert context.expand("stop") == f"{PADANG}Halte"
    assert context.expand("kelurahan") == f"{PADANG}kelurahan"
    # The core context comes last, and its vocabulary with it.
    assert context.expand("other") == f"{DEFAULT}other"


def test_null_in_a_context_forgets_what_came_before() -> None:
    context = context_of([{"Halte": f"{PADANG}Halte"}, None, {"Rute": f"{PADANG}Rute"}])
    assert context.expand("Halte") == f"{DEFAULT}Halte"
    assert context.expand("Rute") == f"{PADANG}Rute"


def test_contexts_are_loaded_through_arrays_imports_and_relative_urls() -> None:
    context = build_context(
        [("https://padang.go.id/context/all.jsonld", {"@context": ["transport.jsonld", CORE_CONTEXT_URL]})],
        {
            "https://padang.go.id/context/transport.jsonld": {
                "@context": {"@import": "base.jsonld", "Halte": "padang:Halte"}
            },
            "https://padang.go.id/context/base.jsonld": {"@context": {"padang": PADANG}},
        }.__getitem__,
    )
    assert context.expand("Halte") == f"{PADANG}Halte"
    assert context.urls == ("https://padang.go.id/context/all.jsonld",)
    assert context.link == "https://padang.go.id/context/all.jsonld"


def test_the_core_contexts_are_known_without_loading_and_are_no_user_contexts() -> None:
    for url in CORE_CONTEXT_URLS:
        context = build_context([(url, url)], refuse)
        assert context.urls == ()
        assert context.link == CORE_CONTEXT_URL


def test_a_circle_of_contexts_is_refused_with_its_urls() -> None:
    with pytest.raises(BadRequestData, match=r"https://a/one → https://a/two → https://a/one"):
        context_of("https://a/one", one={"@context": ["https://a/two"]}, two={"@context": "https://a/one"})


def test_a_circle_of_terms_is_refused() -> None:
    with pytest.raises(BadRequestData, match="circle: a → b → a"):
        context_of({"a": "b:x", "b": "a:y"})


def test_an_unknown_context_is_not_available() -> None:
    with pytest.raises(ContextNotAvailable, match="https://a/one"):
        context_of("https://a/one")


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (5, "made of URLs"),
        ("no url", "is no URL"),
        ({"a": 5}, "an IRI"),
        ({"@vocab": 5}, "an IRI"),
        ({"a b": "urn:x"}, "character ' '"),
        ({"": "urn:x"}, "empty"),
        ({"a": {"@id": "urn:x", "@context": {}}}, "of its own"),
        ({"@import": "https://a/list"}, "one map of terms"),
        ("https://a/none", "no JSON-LD context"),
    ],
)
def test_a_wrong_context_is_refused_and_says_why(context: Any, message: str) -> None:
    with pytest.raises(BadRequestData, match=message):
        context_of(context, list={"@context": []}, none={"terms": 1})


def test_a_context_of_too_many_terms_is_refused() -> None:
    terms = {f"t{number}": f"urn:t:{number}" for number in range(limits.CONTEXT_TERMS_MAX + 1)}
    with pytest.raises(BadRequestData, match=str(limits.CONTEXT_TERMS_MAX)):
        context_of(terms)


def test_contexts_nested_too_deep_or_too_many_are_refused() -> None:
    deep = {f"https://a/{number}": {"@context": f"https://a/{number + 1}"} for number in range(50)}
    with pytest.raises(BadRequestData, match="deep"):
        build_context([("", "https://a/0")], deep.__getitem__)
    wide = [f"https://a/{number}" for number in range(limits.CONTEXT_DOCUMENTS_MAX + 1)]
    with pytest.raises(BadRequestData, match="Name fewer"):
        build_context([("", wide)], lambda url: {"@context": {}})


def test_a_context_of_very_many_nested_arrays_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(5_000):
        nested = [nested]
    with pytest.raises(BadRequestData, match="nested too deep"):
        context_of(nested)


def test_a_name_that_cannot_be_one_is_refused() -> None:
    for name in ("", "a b", "a<b", "x" * (limits.IDENTIFIER_CHARACTERS_MAX + 1)):
        with pytest.raises(BadRequestData):
            CORE.expand(name)


def test_unknown_names_do_not_fill_the_memory() -> None:
    context = context_of({"Halte": f"{PADANG}Halte"})
    for number in range(3 * limits.CONTEXT_MEMO_NAMES_MAX):
        assert context.expand(f"n{number}") == f"{DEFAULT}n{number}"
        assert context.compact(f"{DEFAULT}n{number}") == f"n{number}"
    assert len(context._iris) <= limits.CONTEXT_MEMO_NAMES_MAX
    assert len(context._names) <= limits.CONTEXT_MEMO_NAMES_MAX
    assert context.expand("Halte") == f"{PADANG}Halte"


def test_each_version_of_the_core_context_has_its_terms() -> None:
    sizes = [len(core_context_document(version)["@context"]) for version in VERSIONS]
    assert sizes == [109, 117, 124, 147, 152, 179, 212]
    assert "languageMap" not in core_context_document("1.4")["@context"]
    assert core_context_document("1.5")["@context"]["languageMap"]["@container"] == "@language"
    for version in VERSIONS:
        names = [term.name for term in list_core_terms(version)]
        assert len(names) == len(set(names))
    assert all(VERSIONS.index(term.since) <= VERSIONS.index(term.until) for term in TERMS)


ENTITY = {
    "id": "urn:ngsi-ld:Halte:1",
    "type": ["Halte", "BusStop"],
    "scope": ["/Padang", "/Sumbar"],
    "name": {"type": "Property", "value": "Pasar Raya"},
    "kind": {"type": "VocabProperty", "vocab": ["Covered", "Open"], "observedAt": "2024-05-01T10:00:00Z"},
    "corridor": [
        {"type": "Relationship", "object": "urn:ngsi-ld:Koridor:1", "objectType": "Koridor"},
        {
            "type": "Relationship", "object": "urn:ngsi-ld:Koridor:2", "datasetId": "urn:d:2",
            "since": {"type": "Property", "value": 2014, "by": [{"type": "Property", "value": "Dishub"}]},
        },
    ],
}  # fmt: skip


def test_an_entity_expands_with_its_sub_attributes_and_its_vocabulary() -> None:
    expanded = CORE.expand_entity(ENTITY)
    assert expanded["type"] == [f"{DEFAULT}Halte", f"{DEFAULT}BusStop"]
    assert expanded[f"{DEFAULT}kind"]["vocab"] == [f"{DEFAULT}Covered", f"{DEFAULT}Open"]
    corridors = expanded[f"{DEFAULT}corridor"]
    assert corridors[0]["objectType"] == f"{DEFAULT}Koridor"
    assert corridors[1][f"{DEFAULT}since"][f"{DEFAULT}by"][0]["value"] == "Dishub"


def test_an_entity_comes_back_from_its_expansion_as_it_was() -> None:
    for context in (CORE, context_of({"name": f"{PADANG}nama", "Halte": f"{PADANG}Halte", "Open": f"{PADANG}Terbuka"})):
        assert context.compact_entity(context.expand_entity(ENTITY)) == ENTITY


# What follows compares with a JSON-LD 1.1 processor, on contexts that NGSI-LD and JSON-LD read alike.
WORDS = st.text("abcXYZ_09éß", min_size=1, max_size=6)
IRIS = st.builds("{}{}".format, st.sampled_from(["https://x.org/a#", "urn:y:", "http://z.org/"]), WORDS)


@st.composite
def user_contexts(draw: st.DrawFn) -> dict[str, Any]:
    prefixes = draw(
        st.dictionaries(st.sampled_from(["p", "q"]), st.sampled_from(["https://x.org/a#", "http://z.org/"]))
    )
    local = [f"{prefix}:{word}" for prefix in prefixes for word in draw(st.lists(WORDS, max_size=2))]
    values = IRIS | st.sampled_from(local) if local else IRIS
    coerced = st.fixed_dictionaries(
        {"@id": values, "@type": st.sampled_from(["@id", "@vocab", "http://www.w3.org/2001/XMLSchema#dateTime"])}
    )
    terms = draw(st.dictionaries(WORDS.filter(lambda word: word not in prefixes), values | coerced, max_size=6))
    return terms | prefixes


def pyld_expand(context: dict[str, Any], name: str) -> str:
    core = core_context_document()["@context"]
    # Its scoped context names a document that is not here, and no flat document meets it.
    core["ngsildproof"] = core["ngsildproof"] if isinstance(core["ngsildproof"], str) else "ngsi-ld:ngsildproof"
    document = {"@context": [context, core], name: {"type": "Property", "value": 1}}
    ((found, _),) = jsonld.expand(document)[0].items()
    return str(found)


@given(user_contexts(), WORDS | st.builds("{}:{}".format, st.sampled_from(["p", "q", "r", "urn", "ngsi-ld"]), WORDS))
@settings(max_examples=80, deadline=None)
def test_names_expand_as_a_json_ld_processor_expands_them(context: dict[str, Any], name: str) -> None:
    assert context_of(context).expand(name) == pyld_expand(context, name)


@given(user_contexts(), st.data())
@settings(max_examples=40, deadline=None)
def test_terms_expand_as_a_json_ld_processor_expands_them(context: dict[str, Any], data: st.DataObject) -> None:
    if context:
        name = data.draw(st.sampled_from(sorted(context)))
        assert context_of(context).expand(name) == pyld_expand(context, name)


@given(user_contexts(), IRIS | WORDS.map(lambda word: DEFAULT + word) | WORDS)
@settings(max_examples=150, deadline=None)
def test_a_compacted_iri_expands_to_itself(context: dict[str, Any], name: str) -> None:
    built = context_of(context)
    iri = built.expand(name)
    assert built.expand(built.compact(iri)) == iri
