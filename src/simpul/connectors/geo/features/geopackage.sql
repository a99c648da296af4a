-- What is asked of a GeoPackage. Names of its tables and columns are put in, quoted.

-- name: layers
SELECT g.table_name, g.column_name, s.organization, s.organization_coordsys_id, s.definition
FROM gpkg_geometry_columns AS g LEFT JOIN gpkg_spatial_ref_sys AS s ON s.srs_id = g.srs_id

-- name: count_features
SELECT count(*) FROM {table}

-- name: features
SELECT {columns} FROM {table}

-- name: features_in_order
SELECT {columns} FROM {table} ORDER BY {key}
