"""The NGSI-LD API (CIM 009 clause 6): one module per resource. No rules of the data model here."""
