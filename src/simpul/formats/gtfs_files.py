"""The files of a GTFS dataset, and the columns that each must have. No reading here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# GTFS Schedule reference, "Field Definitions": only what is required without a condition.
REQUIRED_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "agency": ("agency_name", "agency_url", "agency_timezone"),
    "stops": ("stop_id",),
    "routes": ("route_id", "route_type"),
    "trips": ("route_id", "service_id", "trip_id"),
    "stop_times": ("trip_id", "stop_sequence"),
    "calendar": ("service_id", *_DAYS, "start_date", "end_date"),
    "calendar_dates": ("service_id", "date", "exception_type"),
    "shapes": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "frequencies": ("trip_id", "start_time", "end_time", "headway_secs"),
    "transfers": ("transfer_type",),
    "pathways": ("pathway_id", "from_stop_id", "to_stop_id", "pathway_mode", "is_bidirectional"),
    "levels": ("level_id", "level_index"),
    "fare_attributes": ("fare_id", "price", "currency_type", "payment_method", "transfers"),
    "fare_rules": ("fare_id",),
    "fare_media": ("fare_media_id", "fare_media_type"),
    "fare_products": ("fare_product_id", "amount", "currency"),
    "fare_leg_rules": ("fare_product_id",),
    "fare_transfer_rules": ("fare_transfer_type",),
    "rider_categories": ("rider_category_id", "rider_category_name"),
    "timeframes": ("timeframe_group_id", "service_id"),
    "areas": ("area_id",),
    "stop_areas": ("area_id", "stop_id"),
    "networks": ("network_id",),
    "route_networks": ("network_id", "route_id"),
    "location_groups": ("location_group_id",),
    "location_group_stops": ("location_group_id", "stop_id"),
    "booking_rules": ("booking_rule_id", "booking_type"),
    "translations": ("table_name", "field_name", "language", "translation"),
    "feed_info": ("feed_publisher_name", "feed_publisher_url", "feed_lang"),
    "attributions": ("organization_name",),
}
