"""What is said of the systems that sources read and look at: templates for `said.py`. No code here."""

from __future__ import annotations


def _(message: str) -> str:
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


# A value whose name begins with `said` is a sentence itself.
OF_SYSTEMS = (
    # What is said of a system that is looked at for a new source.
    _(
        "What stands there is no database's URL, no service's URL and no file that is known here. Name a file that "
        "exists, or a URL; these kinds can be looked at: %(listed)s."
    ),
    _("%(where)s answers with a page, not with types. Is it a hub that speaks NGSI-LD?"),
    _("%(where)s answers with no list of types. Is it a hub that speaks NGSI-LD?"),
    _(
        "%(where)s sent nothing of these topics within %(seconds)s s, so nothing can be proposed. Is the topic right, "
        "and may this user read it? Where devices report more seldom, listen again, or write the source by hand."
    ),
    _(
        "No table (CSV, TSV, XLSX, ODS) waits in %(folder)s, so nothing can be proposed. Put a file of the agency's "
        "there."
    ),
    _("%(shown)s is no URI, such as urn:ngsi-ld:BusStop:padang:7"),
    _("Files are looked at in the city's own folder; put it there, and name it without a way out."),
    _("There is a file %(name)s already; give the source another id."),
    _("%(name)s has no rows, so nothing can be proposed for it."),
    _("The city has no agency %(name)s. Its agencies: %(listed)s."),
    _("The file %(path)s cannot be written: %(why)s."),
    _("The text says nothing."),
    _("The kept rows %(path)s are damaged. Read the source itself again."),
    _("The agent of %(source)s has delivered nothing yet. Start it in its office with: simpul agent"),
    _("The delivered rows %(path)s are damaged. The next delivery replaces them."),
    _(
        "The queue has %(used)s of %(most)s bytes, so nothing more is read until the hub has taken some of it. "
        "Nothing is lost; queue_megabytes in agent.yaml sets the bound."
    ),
    _("The disk that holds %(path)s is full. Free some space; nothing is lost."),
    _("The queue %(path)s cannot be used: %(why)s."),
    _("The source could not be read because of an unexpected %(kind)s."),
    _("The rows of run %(run)s are not kept. Runs whose rows are kept: %(listed)s."),
    _("Rows cannot be kept in %(path)s: %(why)s."),
    _("the column is new"),
    _("the column is gone"),
    _("%(path)s is no table: it is %(said)s, whatever its name says. Correct its name, or ask for a CSV file."),
    _("a picture (TIFF, perhaps GeoTIFF)"),
    _("a picture (%(form)s)"),
    _("a ZIP archive or a workbook (.xlsx, .ods)"),
    _("an old workbook (.xls)"),
    _("a packed file (gzip)"),
    _("an SQLite database"),
    _("%(file)s: the rows kept aside have no column %(name)s. Read the source itself again."),
    _(
        "The rule 'in_place' needs entities of the type %(type)s, each with a location and %(name)s; there are "
        "none yet. Read their source first."
    ),
    _("There is no code list %(name)s. The lists are: %(listed)s."),
    _("There is no code list %(name)s; did you mean %(near)s? The lists are: %(listed)s."),
    _("The code list %(path)s cannot be read: %(why)s. Check its path, and that it is CSV in UTF-8."),
    _("The code list %(path)s has no column %(name)s. Its columns are: %(listed)s."),
    _("The code list %(path)s has no column %(name)s; did you mean %(near)s? Its columns are: %(listed)s."),
    _("%(path)s: a code list has at most %(most)s bytes."),
    _("No row %(key)s of %(source)s is kept aside. List those that are with: simpul source rejects"),
    _("The row %(key)s has no column %(name)s. Its columns: %(listed)s."),
    _("A cell that is put right has at most %(most)s characters."),
    _("The code list %(list)s has no code %(code)s. Look it up with: simpul codes find"),
    _("A run is a number, not %(found)s."),
    _("There is no quality report of run %(run)s of %(source)s. Reports are kept as long as runs are."),
    _("%(path)s is no GeoJSON FeatureCollection: %(why)s. Check what it is, or have it sent again."),
    _("%(path)s has the type %(found)s; a geo source needs a FeatureCollection."),
    _(
        "%(where)s: %(said)s are not read. Convert it, for example with gdal_translate -co TILED=YES -co "
        "COMPRESS=DEFLATE."
    ),
    _("%(where)s has %(bands)s bands, and band %(band)s is asked for. Write band: with one that it has."),
    _(
        "%(where)s does not name its coordinate system by a code of EPSG. Say it with crs: beside the raster,"
        " such as %(example)s."
    ),
    _("sample adds a column %(name)s, and there is one already. Give it another name."),
    _("images that do not say where they are, or only by points"),
    _("images whose pixels have no size"),
    _("images packed with %(method)s"),
    _("images in parts of %(found)s bytes (at most %(most)s are unpacked at once)"),
    _("it does not begin as a TIFF does"),
    _("%(where)s answers with a message instead of features: %(message)s. Check the URL and its parameters."),
    _(
        "%(where)s changed while it was read, gives its features in no fixed order, or gives no pages: a page"
        " does not go on where the one before it ended. Nothing vanished; run it again, or name a column in "
        "sort_by."
    ),
    _(
        "%(where)s does not give GeoJSON, and GML is not read (its formats: %(listed)s). Ask who runs it to "
        "add GeoJSON (application/json), or for a file."
    ),
    _("%(where)s fails (%(why)s). That is the agency's to mend; it is tried again."),
    _("%(where)s has more than %(most)s pages; ask for larger ones (size), or divide the source."),
    _(
        "%(where)s has no features: it is a group, a picture or a service without layers. Write the URL of a "
        "layer with features."
    ),
    _("%(where)s is no Web Feature Service: %(said)s. Check the URL, or write service: geojson."),
    _("it answers with %(found)s, and not with what it can do"),
    _("it answers with what is no XML (%(why)s)"),
    _("it answers with a page or a document type, and not with the service's XML"),
    _("its features come as XML, and GeoJSON was asked for"),
    _("its description has %(found)s bytes; at most %(most)s are read"),
    _("it answers with a page"),
    _("%(where)s is no layer of an ArcGIS server: %(said)s. Its URL ends as in %(example)s."),
    _(
        "%(where)s knows no pages, and its features have no numbers (objectIdField), so it cannot be read "
        "whole. Ask who runs it to turn one of them on, or for a file."
    ),
    _("%(where)s refuses us (%(why)s). Check 'auth' or the token, and the secret behind it."),
    _("%(where)s says that it has %(announced)s features, and gave %(came)s. Nothing vanished; run it again."),
    _("%(where)s speaks WFS %(version)s; read are %(listed)s."),
    _("it is no feature of an ArcGIS server: %(why)s"),
    _(
        "%(where)s is in %(said)s. Say which it is with crs:, such as %(example)s, or convert it to WGS 84 "
        "first, for example with ogr2ogr -t_srs EPSG:4326."
    ),
    _("the coordinate system %(found)s, which is not known"),
    _("the coordinate system %(found)s, whose datum is not known well enough to place it on the earth"),
    _(
        "%(where)s does not say which coordinate system it is in (there is no .prj), and its coordinates "
        "(from %(west)s, %(south)s to %(east)s, %(north)s) are no longitudes and latitudes. Say it with crs:,"
        " such as %(example)s."
    ),
    _("%(where)s cannot be read: %(said)s. Have it sent again."),
    _("it has %(found)s of the %(wanted)s bytes that it should have; it was cut off"),
    _("it has %(found)s of the %(wanted)s records that it should have; it was cut off"),
    _("the zip is damaged (%(said)s)"),
    _("the zip holds no .shp"),
    _("the zip holds %(count)s files"),
    _("%(where)s has no layer %(layer)s. Its layers: %(listed)s."),
    _("%(where)s has no layer %(layer)s; did you mean %(near)s? Its layers: %(listed)s."),
    _("%(where)s has %(count)s layers: %(listed)s. Write layer: and one of them."),
    _(
        "%(path)s is missing: %(said)s. A Shapefile is several files with one name (.shp, .shx, .dbf, .prj); "
        "ask for all of them, or for a zip."
    ),
    _("it holds the shapes"),
    _("it holds the values"),
    _("%(where)s has %(shapes)s shapes and %(records)s records, so they do not belong together. Have it sent again."),
    _("%(where)s: there is no encoding %(found)s. Write encoding: utf-8, cp1252 or another one."),
    _("%(where)s %(what)s; at most %(most)s bytes are unpacked. It is not read."),
    _("%(where)s cannot be unpacked: the disk with the temporary files is full. Make room there."),
    _("%(where)s gave no feature for %(seconds)s s. Is its layer a view that takes long?"),
    _(
        "%(where)s is in the coordinate system %(found)s, and to turn it into longitude and latitude needs "
        "pyproj, which is not installed. Install it where simpul runs: %(command)s."
    ),
    _(
        "%(path)s is none of the forms that a geo source reads: GeoJSON, Shapefile (.shp, or all of it in a "
        ".zip), GeoPackage."
    ),
    _("%(where)s is an SQLite database and no GeoPackage. Read it with kind: sql."),
    _("the text of %(name)s is not %(encoding)s (byte %(byte)s); say its encoding with encoding:, such as cp1252"),
    _("its geometry is damaged (%(why)s)"),
    _("its geometry is none"),
    _("(%(x)s, %(y)s) is nowhere on the earth in the coordinate system of the source"),
    _("the shape at byte %(byte)s is damaged"),
    _("the shape has too many rings to tell which is a hole in which"),
    _("the shape has %(found)s bytes; at most %(most)s are read"),
    _("shapes of type %(kind)s (31 is a MultiPatch) have no form in GeoJSON"),
    _("%(where)s needs the driver %(driver)s, which is not installed. Install it where simpul runs: %(command)s."),
    _("%(where)s refuses the user or the password (%(why)s). Check both, and the secret."),
    _("%(where)s has no database %(name)s (%(why)s). Check its name at the end of the URL."),
    _("%(where)s: the user may not read that (%(why)s). Ask for SELECT on it."),
    _("%(where)s: the database does not understand the query (%(why)s). Check 'query', or 'table' and 'order_by'."),
    _("%(where)s cannot be reached (%(said)s). Check host and port, and that the server runs."),
    _("%(where)s failed: %(why)s. Ask whoever keeps the database."),
    _("There is no database file %(path)s. Check the path in url."),
    _("There is no database file %(path)s; its folder %(folder)s does not exist either. Check the path in url."),
    _("There is no database file %(path)s; in its folder are %(names)s. Check the path in url."),
    _("There is no database file %(path)s; its folder is empty. Check the path in url."),
    _("%(where)s has no table %(said)s. Its tables: %(listed)s."),
    _("%(where)s has no table %(name)s; did you mean %(near)s? Its tables: %(listed)s."),
    _("The table %(table)s has no column %(name)s to order by. Its columns: %(listed)s."),
    _("The table %(table)s has no column %(name)s to order by; did you mean %(near)s? Its columns: %(listed)s."),
    _(
        "%(where)s: after row %(number)s there is text that is not %(encoding)s (byte %(byte)s). Add the "
        "right charset to the URL, such as ?charset=latin1."
    ),
    _("The database URL cannot be understood; write, for example, %(example)s."),
    _("%(path)s is not %(encoding)s: see %(said)s; it is probably cp1252 (Windows): write encoding: cp1252."),
    _("%(path)s is not %(encoding)s: see %(said)s."),
    _("line %(number)s, byte %(byte)s (%(code)s)"),
    _("%(path)s cannot be read as a workbook: %(said)s. Save it anew in Excel or LibreOffice, or have it sent again."),
    _("it is a web page with an Excel name; open it in Excel and save it as .xlsx"),
    _("it is damaged or something else with an Excel name"),
    _("it is protected with a password; save it without one"),
    _("it is damaged"),
    _("it is damaged (%(why)s)"),
    _("it has no sheet"),
    _("%(path)s has no sheet %(said)s. Its sheets: %(listed)s."),
    _("%(path)s has no sheet %(name)s; did you mean %(near)s? Its sheets: %(listed)s."),
    _("%(path)s has no header: it ends before row %(number)s. Check skip_rows and header_rows."),
    _("%(path)s has %(found)s columns, and 'columns' names %(named)s. Name each of them once."),
    _("%(path)s has no column %(said)s to fill down. Its columns are: %(listed)s."),
    _("%(path)s has no column %(name)s to fill down; did you mean %(near)s? Its columns are: %(listed)s."),
    _("%(path)s has %(found)s columns; at most %(most)s are read. Divide the file."),
    _("%(path)s has %(found)s bytes when unpacked; at most %(most)s are read. Divide the file."),
    _("%(path)s has %(found)s cells in %(sheet)s; at most %(most)s are read. Divide the file."),
    _("%(path)s: line %(number)s is longer than %(most)s characters; is it a text file?"),
    _(
        "The sheet %(sheet)s of %(path)s has no column %(name)s, as the first: %(listed)s. Read sheets of "
        "another form with a source of their own."
    ),
    _(
        "%(path)s has %(found)s formulas, and none has a value: it was made by a program and never "
        "calculated. Open it in Excel or LibreOffice, and save it."
    ),
    _("%(path)s cannot be read on: %(said)s. Nothing of it is believed to have vanished; dump it again."),
    _("%(path)s cannot be unpacked: %(said)s. It is damaged, or was cut off; copy it again."),
    _(
        "%(path)s unpacks to more than %(most)s bytes, which are the most that are read of a dump. Dump its "
        "tables into several files."
    ),
    _("%(path)s unpacks to more than %(ratio)s times its size; that is no dump. Unpack it by hand."),
    _("%(path)s is no SQL text: it holds NUL bytes. Ask for a dump as .sql, or packed as .sql.gz."),
    _("%(path)s holds %(count)s files; a packed dump must be one file."),
    _("%(path)s says that it is in %(charset)s, which is not known here; write encoding: …"),
    _("%(path)s has no table %(said)s. Its tables: %(listed)s."),
    _("%(path)s has no table %(name)s; did you mean %(near)s? Its tables: %(listed)s."),
    _("%(path)s has the table %(table)s in two databases; write %(named)s."),
    _("%(path)s has the rows of %(table)s as COPY, which only PostgreSQL reads; use pg_dump --inserts."),
    _(
        "%(path)s does not name the columns of %(table)s: it has no CREATE TABLE. Name them with 'columns: "
        "[…]', or dump with the structure."
    ),
    _("%(path)s puts values into a column %(name)s that %(table)s has not. Its columns: %(listed)s."),
    _("it is protected with a password"),
    _("it ends in the middle of an INSERT"),
    _("it ends in the middle of a CREATE TABLE"),
    _("it ends in the middle of a statement"),
    _("it ends in the middle of a text"),
    _("a row or a statement is longer than %(most)s characters"),
    _("it has no %(mark)s at its end, so it was cut off"),
    _("it has %(found)s values, and %(named)s columns are named"),
    _("%(name)s is %(piece)s, which would have to be calculated; nothing is executed"),
    _("%(name)s is no %(encoding)s: there is the byte %(byte)s; %(said)s"),
    _("%(name)s holds bytes that are no %(encoding)s"),
    _("it is no record: a record has names and values"),
    _("%(where)s answers with a page, not with JSON. Is the URL that of the interface, or a login?"),
    _("%(where)s answers with what is no JSON: %(why)s. Check that the URL is that of the interface."),
    _("%(where)s has no list at %(wanted)s. There is no list of records in it."),
    _("%(where)s has no list at %(wanted)s. Lists are at: %(found)s."),
    _("%(where)s does not say which list is meant. There is no list of records in it. Write list: and one of them."),
    _("%(where)s does not say which list is meant. Lists are at: %(found)s. Write list: and one of them."),
    _("%(where)s answers with a message instead of a list: %(message)s. Check the URL, its parameters and 'auth'."),
    _(
        "%(where)s gives the same rows for page %(number)s as for the one before; it seems not to know the "
        "parameter %(name)s. Check 'pages'."
    ),
    _("%(where)s has more than %(most)s pages; ask for larger ones, or divide the source."),
    _("%(where)s says that it has %(told)s rows, and gave %(came)s. Check 'pages'; nothing vanished."),
    _("%(where)s asks to be left alone for %(seconds)s s. Set requests_per_second lower."),
    _("%(where)s redirects more than %(most)s times. Write the URL where the data is."),
    _("%(where)s leads to %(other)s, another host, which is not followed. Write that URL, if it is right."),
    _("%(where)s answers compressed, which was not asked for. Ask whoever runs it to answer as it is asked."),
    _("%(where)s answers with more than %(most)s bytes. Ask for it in pages ('pages')."),
    _("%(where)s did not answer within %(seconds)s s. Is the service running?"),
    _("%(where)s is not asked: %(said)s. Where it is meant, add private: true."),
    _("%(where)s refuses us (status %(status)s). Check 'auth', and the secret behind it."),
    _("%(where)s fails with status %(status)s. That is the agency's to mend; it is tried again."),
    _("%(where)s answers with status %(status)s. Check the URL and its parameters."),
    _("The certificate of %(where)s has expired. The agency has to renew it."),
    _(
        "%(where)s has a certificate that nobody vouches for (%(why)s). Where that is meant, add its "
        "certificate with certificate: path, or self_signed: true."
    ),
    _("%(where)s has a certificate that does not fit: %(why)s. Check the name of the host in the URL."),
    _("%(where)s cannot be reached (%(said)s). Check host and port, and that the service runs."),
    _("%(path)s has no column %(name)s %(setting)s. Its columns are: %(listed)s."),
    _("%(path)s has no column %(name)s %(setting)s; did you mean %(near)s? Its columns are: %(listed)s."),
    _("an INSERT whose rows come from elsewhere (SELECT, SET) is not read; nothing is executed"),
    _("write encoding: latin1 (or what the database used)"),
    _("see encoding"),
    _("%(where)s answers with text, and a GTFS Realtime feed is protobuf. Is it another URL?"),
    _("%(where)s cannot be read on: %(said)s. Nothing of it is believed to have vanished; fetch it again."),
    _("%(where)s has %(found)s, and a GTFS dataset has %(name)s at its top. Pack it without a folder."),
    _("%(where)s has more than %(most)s %(said)s; divide the dataset."),
    _("%(where)s has no %(said)s. Its files: %(listed)s."),
    _("%(where)s has no %(name)s; did you mean %(near)s? Its files: %(listed)s."),
    _("%(where)s has no column %(said)s. Its columns are: %(listed)s."),
    _("%(where)s has no column %(name)s; did you mean %(near)s? Its columns are: %(listed)s."),
    _("%(where)s has the column %(name)s twice. Ask for a header with each name once."),
    _("%(where)s is a web page, not a GTFS dataset. Is a login needed, or another URL?"),
    _("%(where)s is empty: a file of a GTFS dataset begins with the names of its columns."),
    _("%(where)s is no GTFS Realtime feed that can be read: %(said)s. Check the URL."),
    _("%(where)s is no GTFS dataset that can be read: %(said)s. Check what it is, or fetch it again."),
    _("%(where)s is not %(encoding)s, as GTFS should be; it is probably cp1252 (Windows): write encoding: cp1252."),
    _(
        "%(where)s is not %(encoding)s: see line %(line)s, byte %(byte)s. Is it cp1252 (Windows)? Then write "
        "encoding: cp1252."
    ),
    _("%(where)s lacks columns that GTFS requires: %(missing)s. Its columns are: %(listed)s."),
    _("%(where)s tells the line %(shape)s in several places; its points must stand one under the other."),
    _("the line %(shape)s has one point, and a line has two"),
    _("it is no place with a number in a sequence"),
    _(
        "%(where)s answers with more than %(most)s bytes, the most that are fetched. Ask for less of it with its "
        "parameters."
    ),
    _("%(where)s sends so slowly that it was given up after %(count)s bytes. Run it again when the line is better."),
    _("What is fetched cannot be kept here for reading it: %(why)s. Make room for temporary files."),
    _("it is no ZIP archive, or was cut off"),
    _("its list of files is too long"),
    _("it holds %(name)s more than once"),
    _("%(name)s is protected with a password"),
    _("%(name)s unpacks to %(found)s bytes; at most %(most)s are read"),
    _("%(name)s unpacks to more than %(ratio)s times its size, which no table does"),
    _("it is no GTFS Realtime message, or was cut off"),
    _("it lacks what the format requires, or was cut off"),
    _("it tells only what changed (DIFFERENTIAL), which the format leaves undefined"),
    _("the resource %(name)s"),
    _("the dataset %(name)s"),
    _("%(where)s answers with a page, not as a CKAN portal does. Is it the portal's own URL?"),
    _(
        "%(where)s changed %(said)s while it was read: a page does not go on where the one before it ended. "
        "Nothing vanished; run it again."
    ),
    _("%(where)s does not answer as a CKAN portal does. Is it the portal's own URL?"),
    _(
        "%(where)s has %(said)s as a file, and only its datastore can be asked for some records. Write the 'filters' "
        "as 'skip' of the source, or leave them out."
    ),
    _("The dataset %(name)s of %(where)s has no resource that 'resources' and 'format' mean. It has: %(listed)s."),
    _(
        "The dataset %(name)s of %(where)s has %(count)s resources that match; at most %(most)s are read as one. "
        "Write a narrower pattern."
    ),
    _("lacks %(missing)s"),
    _("has %(more)s as well"),
    _("lacks %(missing)s and has %(more)s as well"),
    _(
        "The resource %(name)s of %(where)s %(said)s, which 'columns' declares. Resources of another form need a "
        "source of their own."
    ),
    _(
        "The resource %(name)s of %(where)s is not of the form of %(first)s: it %(said)s. Write under 'columns' those "
        "that all have, or make a source of its own of it. Nothing vanished."
    ),
    _("%(where)s does not give %(said)s: %(why)s."),
    _("%(where)s does not know %(said)s (%(why)s). It was removed, or has another id now; name its 'dataset' instead."),
    _("%(where)s does not let us read %(said)s (%(why)s). It is private: check 'api_token' and its user's rights."),
    _("%(where)s does not take the request: %(why)s. Is it CKAN?"),
    _("%(where)s has %(said)s as %(format)s, which is not read. CSV, TSV, XLSX, XLS, ODS, JSON and GeoJSON are."),
    _("%(where)s has %(said)s as a file, not in its datastore. Write through: file, or leave it out."),
    _(
        "%(where)s has %(said)s as a link to %(url)s, another host, which is not followed. Ask that one with "
        "a source of its own."
    ),
    _("%(where)s has deleted %(said)s. What was taken over stays; look for its successor."),
    _("%(where)s has more than %(most)s bytes of JSON, the most that are read. Ask for it as CSV."),
    _("%(where)s has no file of %(said)s: its URL leads nowhere."),
    _("%(where)s says that it has %(announced)s records, and gave %(came)s. Nothing vanished; run it again."),
    _("The dataset %(dataset)s of %(where)s has %(count)s resources: %(listed)s. Write resource: and one of them."),
    _("The dataset %(dataset)s of %(where)s has no resource %(said)s. It has: %(listed)s."),
    _("The dataset %(dataset)s of %(where)s has no resource %(name)s; did you mean %(near)s? It has: %(listed)s."),
    _("The dataset %(dataset)s of %(where)s has several resources %(name)s; write the id of one."),
    _("its list of files is not where it should be"),
    _("it is no entity: an entity has an id"),
    _("%(where)s answers with a page, not with entities. Does the URL end with /ngsi-ld/v1?"),
    _("%(where)s answers with what is no list of entities: %(why)s. Does the URL end with /ngsi-ld/v1?"),
    _(
        "%(where)s changed while it was read, or gives its pages in no fixed order: a page does not go on where the "
        "one before it ended. Nothing vanished; run it again, or ask for larger pages (size)."
    ),
    _("%(where)s has more than %(most)s pages of entities; divide the source."),
    _("%(where)s speaks no TLS that is understood (%(why)s). Is it the port for TLS?"),
    _("%(where)s cannot be reached (%(said)s). Check host and port, and that the broker runs."),
    _("%(where)s did not answer within %(seconds)s s. Is it an MQTT broker, and does it run?"),
    _("%(where)s refuses us (%(why)s). Check 'auth', the secret behind it, and what the broker allows."),
    _("%(where)s speaks another version of MQTT; write version: '3.1.1'."),
    _("%(where)s refuses the connection: %(why)s. Ask whoever runs the broker."),
    _("%(where)s does not let us subscribe to the topics (%(why)s). Check 'topics' and the user's rights."),
    _("%(where)s has given our place to another program with the same 'client'. Give each source its own."),
    _(
        "The connection to %(where)s broke off. What was not taken over waits there and comes in the next "
        "run. If that happens again and again, another program uses the same 'client'."
    ),
    _(
        "The connection to %(where)s broke off (%(why)s). What was not taken over waits there and comes in "
        "the next run. If that happens again and again, another program uses the same 'client'."
    ),
    _("%(where)s answers with what is no MQTT. Check host and port."),
    _(
        "%(where)s sends messages of more than %(most)s topics. Write narrower 'topics', or divide the "
        "source; what was not taken over waits there."
    ),
    _("%(name)s is not read: %(said)s."),
    _("%(name)s lacks the column %(column)s. Its columns are: %(listed)s."),
    _("%(name)s lacks the column %(column)s; did you mean %(near)s? Its columns are: %(listed)s."),
    _("it is a link, and links are not followed"),
    _("it cannot be read (%(why)s)"),
    _("it is no file that can be read to an end"),
    _("it has %(found)s bytes; at most %(most)s are read"),
    _("The file %(name)s cannot be read to its end: %(why)s. It is read again in the next run."),
    _("There is no folder %(path)s; files that arrive are looked for there. Make it, or write another 'folder'."),
    _("%(path)s is a file; `folder` must name the folder that files arrive in."),
    _("The folder %(path)s cannot be read: %(why)s. Let simpul read it."),
    _(
        "The folder %(path)s has more than %(most)s files that match. Take away what was read, or write a "
        "narrower pattern."
    ),
    _(
        "%(name)s was written to while it was read. It is read again in the next run; where files are "
        "written slowly, set quiet: higher."
    ),
    _(
        "The file %(name)s is taken over, and cannot be moved to %(folder)s: %(why)s. Let simpul write there, "
        "or write after: keep."
    ),
    _("%(where)s: a file's name in %(folder)s is no text in UTF-8. Let it be renamed there."),
    _("%(where)s has no folder %(folder)s for this user. Check 'folder'."),
    _("%(where)s does not let this user read the folder %(folder)s. Ask for that right."),
    _(
        "The folder %(folder)s of %(where)s has more than %(most)s files that match. Let what was read be "
        "taken away, or write a narrower pattern."
    ),
    _(
        "%(name)s was written to while it was fetched from %(where)s, or did not come whole. It is read again "
        "in the next run."
    ),
    _(
        "The file %(name)s is taken over, and %(where)s does not let it be moved to %(folder)s (%(why)s). Ask "
        "for that right, or write after: keep."
    ),
    _("%(where)s did not answer within %(seconds)s s. Is it an SFTP server, and does it run?"),
    _(
        "%(where)s shows the key %(kind)s %(fingerprint)s, which is not the one that was declared. Ask the "
        "agency which key is right before you write it under host_key: somebody may be in between. Nothing was sent."
    ),
    _("%(where)s lets users in by other means only: %(allowed)s. Check 'sftp'."),
    _("%(where)s refuses the user. Check 'user', and the secret behind 'password' or 'key'."),
    _(
        "%(where)s wants more of the user (%(what)s), which cannot be given. Ask for a user who needs a key or a "
        "password alone."
    ),
    _("%(where)s does not answer as an SFTP server does. Check host and port, and that it runs."),
    _("The connection to %(where)s broke off (%(why)s). What was not taken over comes in the next run."),
    _(
        "%(where)s refuses the user. Check 'user', and the secret behind 'password'; some servers want a "
        "password made for programs."
    ),
    _("%(where)s has no mailbox %(name)s for this user. Its mailboxes: %(listed)s."),
    _("%(where)s cannot move messages to another mailbox; write after: keep."),
    _("%(where)s does not understand what is searched for in the mailbox."),
    _(
        "The mailbox %(name)s of %(where)s has more than %(most)s messages that match. Write since: with the "
        "day from which on they matter."
    ),
    _(
        "%(name)s is taken over, and %(where)s does not let it be moved to the mailbox %(folder)s. Ask for "
        "that right, or write after: keep."
    ),
    _("%(where)s did not answer within %(seconds)s s. Is it a mail server (IMAP over TLS), and does it run?"),
    _(
        "%(where)s has numbered its messages anew (UIDVALIDITY), so that nobody can tell which of them are "
        "new. Nothing was read. Write since: with the day from which on they are to be read."
    ),
    _("its attachment %(name)s is packed; let the table itself be attached"),
    _("it has no attachment whose name matches the pattern"),
    _("a part of it has headers without an end"),
    _("a part of it has headers that make no sense"),
    _("its parts have no boundary"),
    _("its parts lie in each other more than %(most)s deep"),
    _("an attachment of it is cut"),
    _("it ends in the middle"),
    _("it has more than the %(most)s bytes that are read"),
    _("its topic is none of the declared ones; after a change of 'topics' give another 'client'"),
    _("its topic is no text in UTF-8"),
    _("it is no JSON: %(why)s"),
    _("it is no text: %(why)s"),
)
