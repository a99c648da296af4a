-- One city's file. Times are microseconds since 1970 UTC. Names of types and attributes are interned in `term`.

CREATE TABLE IF NOT EXISTS term (
  id INTEGER PRIMARY KEY,
  iri TEXT NOT NULL UNIQUE
) STRICT;

-- The set of types that an entity has, as a sorted JSON array of term ids, and how many entities have just that set.
CREATE TABLE IF NOT EXISTS type_set (
  id INTEGER PRIMARY KEY,
  terms TEXT NOT NULL UNIQUE,
  entities INTEGER NOT NULL
) STRICT;

-- The @contexts whose short names stored bodies use, flattened, so that no body ever needs the network to be read.
CREATE TABLE IF NOT EXISTS context (
  id INTEGER PRIMARY KEY,
  document BLOB NOT NULL
) STRICT;

-- The current state. A deleted entity keeps its row, with a NULL body: its eid is the key of its history.
-- `times` holds the attributes whose times differ from the entity's creation.
CREATE TABLE IF NOT EXISTS entity (
  eid INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type_set INTEGER NOT NULL,
  context INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  modified_us INTEGER NOT NULL,
  times BLOB,
  body BLOB
) STRICT;

CREATE TABLE IF NOT EXISTS entity_type (
  type INTEGER NOT NULL,
  eid INTEGER NOT NULL,
  PRIMARY KEY (type, eid)
) STRICT, WITHOUT ROWID;

-- One column of the index: the values of one attribute of one type. `kind` is 0 for the value itself and 1 for the
-- elements of an array. `is_mixed` says that some entity has had several values or no scalar there; `geo_levels` is a bit set
-- of the grid's levels in use. `entities` counts those that have the attribute; `filled` is 1 where writes keep the
-- column's index, 2 where it has all that was there before as well. Both are those of kind 0, for both kinds.
CREATE TABLE IF NOT EXISTS attribute_column (
  id INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  is_mixed INTEGER NOT NULL DEFAULT 0,
  geo_levels INTEGER NOT NULL DEFAULT 0,
  entities INTEGER NOT NULL DEFAULT 0,
  filled INTEGER NOT NULL DEFAULT 0,
  UNIQUE (type, attribute, kind)
) STRICT;

-- Every scalar of the attributes whose index is kept: numbers as numbers, text as text (its first characters), booleans
-- as x'00' and x'01'. An attribute with any other value has x'' there, so that a column's rows also say who has it.
CREATE TABLE IF NOT EXISTS attribute_index (
  column_id INTEGER NOT NULL,
  value ANY NOT NULL,
  eid INTEGER NOT NULL,
  PRIMARY KEY (column_id, value, eid)
) STRICT, WITHOUT ROWID;

-- Every geometry, by cell of a grid; a point has its coordinates here, any other geometry NULL.
CREATE TABLE IF NOT EXISTS geo_index (
  column_id INTEGER NOT NULL,
  cell INTEGER NOT NULL,
  eid INTEGER NOT NULL,
  longitude REAL,
  latitude REAL,
  PRIMARY KEY (column_id, cell, eid)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS origin (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- The change log, clustered by entity: `place` is the eid, and behind it in 36 bits the sequence. (A table of two key
-- columns keeps whole rows inside its tree, which gets twice as deep: 16 µs more a change, 7 µs more a reading.) `body`
-- is what was set, in the core context's short names; `removed` the keys of what went.
CREATE TABLE IF NOT EXISTS history (
  place INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  body BLOB NOT NULL,
  removed TEXT,
  eid INTEGER AS (place >> 36) VIRTUAL,
  sequence INTEGER AS (place & 68719476735) VIRTUAL
) STRICT;

-- Entities that are gone and whose history is not.
CREATE INDEX IF NOT EXISTS entity_gone ON entity (type_set, eid) WHERE body IS NULL;

-- Who corrected the change log when, and where; nothing of what a correction removed.
CREATE TABLE IF NOT EXISTS history_note (
  id INTEGER PRIMARY KEY,
  eid INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  origin TEXT NOT NULL,
  what TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS source_row (
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  digest BLOB NOT NULL,
  entity_id TEXT NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS source_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  finished_us INTEGER,
  rows_read INTEGER NOT NULL DEFAULT 0,
  rows_written INTEGER NOT NULL DEFAULT 0,
  rows_unchanged INTEGER NOT NULL DEFAULT 0,
  rows_rejected INTEGER NOT NULL DEFAULT 0,
  rows_vanished INTEGER NOT NULL DEFAULT 0,
  error TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS source_run_by_source ON source_run (source, id);

CREATE TABLE IF NOT EXISTS reject (
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  run INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS token (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  roles TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  expires_us INTEGER,
  revoked_us INTEGER
) STRICT, WITHOUT ROWID;

-- What is known of the agents that read sources in their offices: which queue delivers, up to which reading all is taken
-- over, and what the agent told last. `digest` is that of the last whole reading; moments are those of the hub's clock.
CREATE TABLE IF NOT EXISTS delivery (
  source TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  completed INTEGER NOT NULL,
  digest TEXT NOT NULL,
  heard_us INTEGER NOT NULL,
  told TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What is wrong with sources for as long as it lasts; of each kind a source has at most one that is open.
CREATE TABLE IF NOT EXISTS alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  detail TEXT NOT NULL,
  ended_us INTEGER
) STRICT;

CREATE UNIQUE INDEX IF NOT EXISTS open_alert ON alert (source, kind) WHERE ended_us IS NULL;

-- What is still to be told of alerts: of each that it began, and that it ended, once to each target.
CREATE TABLE IF NOT EXISTS alert_letter (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  alert INTEGER NOT NULL,
  phase TEXT NOT NULL,
  target TEXT NOT NULL,
  written_us INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER NOT NULL DEFAULT 0,
  UNIQUE (alert, phase, target)
) STRICT;

CREATE TABLE IF NOT EXISTS declaration (
  path TEXT PRIMARY KEY,
  content TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Other sources that hold parts of the city's data, as documents with expanded names.
CREATE TABLE IF NOT EXISTS registration (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  modified_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Entities of which something expires, by the earliest moment; the entity itself says what. One that is there needlessly
-- is looked at in vain.
CREATE TABLE IF NOT EXISTS expiry (
  eid INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS expiry_by_time ON expiry (at_us);

-- The @contexts that the city serves to whoever asks, and copies of others'. `document` is a JSON object with an
-- @context member.
CREATE TABLE IF NOT EXISTS hosted_context (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  document BLOB NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS cached_context (
  url TEXT PRIMARY KEY,
  document BLOB NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;

-- The one name by which other hubs know the city in Via headers.
CREATE TABLE IF NOT EXISTS peer_alias (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  alias TEXT NOT NULL
) STRICT;

-- Who is told of registrations that come, change and go, and how that went.
CREATE TABLE IF NOT EXISTS source_subscription (
  id TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  modified_us INTEGER NOT NULL,
  times_sent INTEGER NOT NULL DEFAULT 0,
  times_failed INTEGER NOT NULL DEFAULT 0,
  last_success_us INTEGER,
  last_failure_us INTEGER
) STRICT, WITHOUT ROWID;

-- Subscriptions, and how far their notifications are. A number is never given again, so that an old notice can never
-- concern a new subscription. `kept` is the document with what belongs to it.
CREATE TABLE IF NOT EXISTS subscription (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kept BLOB NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,
  times_sent INTEGER NOT NULL DEFAULT 0,
  times_failed INTEGER NOT NULL DEFAULT 0,
  last_notification_us INTEGER,
  last_success_us INTEGER,
  last_failure_us INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  failing_since_us INTEGER,
  failure TEXT
) STRICT;

-- Changes to tell, written with the change itself. `numbers` are those of the subscriptions, four bytes each.
CREATE TABLE IF NOT EXISTS notice (
  id INTEGER PRIMARY KEY,
  numbers BLOB NOT NULL,
  state BLOB NOT NULL
) STRICT;

-- Notifications that were given up, until someone replays or forgets them. `states` is a msgpack array.
CREATE TABLE IF NOT EXISTS parked_notification (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  number INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  reason TEXT NOT NULL,
  states BLOB NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS parked_notification_by_number ON parked_notification (number, id);

-- Descriptions of snapshots; their entities are in files of their own. `kept` is JSON.
CREATE TABLE IF NOT EXISTS snapshot (
  id TEXT NOT NULL UNIQUE,
  kept BLOB NOT NULL
) STRICT;

-- What subscribers to registrations are to be told, written with the change itself; `parked_us` says when it was given
-- up. `documents` is a JSON array.
CREATE TABLE IF NOT EXISTS source_notice (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subscription TEXT NOT NULL,
  reason TEXT NOT NULL,
  documents TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  parked_us INTEGER,
  failure TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS source_notice_waiting ON source_notice (subscription, id) WHERE parked_us IS NULL;

-- What each run found out about its source's quality. `findings` is JSON.
CREATE TABLE IF NOT EXISTS quality_report (
  run INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  findings TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS quality_report_by_source ON quality_report (source, run);

-- What a source looked like in its last complete run, so that a change of its form is noticed. `columns` is JSON.
CREATE TABLE IF NOT EXISTS source_shape (
  source TEXT PRIMARY KEY,
  run INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  columns TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Cells that people put right. Rows are never deleted: an undone one says by whom and when.
CREATE TABLE IF NOT EXISTS correction (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  column_name TEXT NOT NULL,
  before TEXT,
  after TEXT,
  reason TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  undone_us INTEGER,
  undone_by TEXT
) STRICT;

CREATE INDEX IF NOT EXISTS correction_by_source ON correction (source, key);

-- What people said that names mean, and the names that still wait for that. `near` is JSON.
CREATE TABLE IF NOT EXISTS code_decision (
  list_id TEXT NOT NULL,
  parent TEXT NOT NULL,
  name TEXT NOT NULL,
  code TEXT,
  by_whom TEXT NOT NULL,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (list_id, parent, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS code_question (
  list_id TEXT NOT NULL,
  parent TEXT NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  row_count INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  near TEXT NOT NULL,
  PRIMARY KEY (list_id, parent, name, source)
) STRICT, WITHOUT ROWID;

-- Entity maps, until they expire. `kept` is msgpack.
CREATE TABLE IF NOT EXISTS entity_map (
  id TEXT NOT NULL UNIQUE,
  expires_us INTEGER NOT NULL,
  kept BLOB NOT NULL
) STRICT;

-- Subscriptions that were handed on to other sources: the city's own one by its number, and what the source was told.
-- `registration` and `sent` are JSON objects.
CREATE TABLE IF NOT EXISTS forwarded_subscription (
  remote_id TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  registration TEXT NOT NULL,
  sent TEXT,
  failure TEXT
) STRICT, WITHOUT ROWID;
