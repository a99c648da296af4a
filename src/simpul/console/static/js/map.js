// Maps: the city's own boundaries in two greys, its data in colour. No tiles, no glyphs, no other host.

import * as maplibre from "../vendor/maplibre-gl.mjs";

const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const LEVEL_RADIUS = [3, 4, 4.5, 5.5, 6.5, 7.5];
const CLUSTER_FROM = 800;
const MARK = "mark:";
const GLIDE_MS = 140;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["sea", "land", "border-1", "border-2", "surface", "ink", "accent", "on-accent", "shelter", "line-strong"];
  const all = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
  all.depth = [0, 1, 2, 3, 4, 5].map((level) => style.getPropertyValue("--depth-" + level).trim());
  return all;
}

const byLevel = (values) => ["match", ["coalesce", ["get", "level"], 0], ...values.flatMap((value, level) => [level, value]), values[0]];

function layers(colour, size = 1) {
  const grow = (share, factor = share * size) => ["interpolate", ["linear"], ["zoom"], 10, ["*", factor * 0.62, byLevel(LEVEL_RADIUS)], 13, ["*", factor, byLevel(LEVEL_RADIUS)], 16, ["*", factor * 1.7, byLevel(LEVEL_RADIUS)]];
  const isPoint = ["==", ["geometry-type"], "Point"];
  const single = ["!", ["has", "point_count"]];
  return [
    { id: "sea", type: "background", paint: { "background-color": colour.sea } },
    { id: "land", type: "fill", source: "boundaries", filter: ["<", ["get", "rank"], 3], paint: { "fill-color": colour.land, "fill-antialias": false } },
    { id: "inner", type: "line", source: "boundaries", minzoom: 10, filter: ["==", ["get", "rank"], 2], paint: { "line-color": colour["border-1"], "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.5, 14, 1.2] } },
    { id: "ways", type: "line", source: "boundaries", filter: ["==", ["get", "rank"], 3], layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": colour["border-1"], "line-width": ["interpolate", ["linear"], ["zoom"], 10, 1.2, 14, 3] } },
    { id: "outer", type: "line", source: "boundaries", filter: ["<", ["get", "rank"], 2], paint: { "line-color": colour["border-2"], "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.8, 14, 1.6] } },
    { id: "areas", type: "fill", source: "places", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour.accent, "fill-opacity": 0.14 } },
    { id: "lines", type: "line", source: "places", filter: ["!=", ["geometry-type"], "Point"], layout: { "line-join": "round" }, paint: { "line-color": colour.accent, "line-width": ["interpolate", ["linear"], ["zoom"], 9.5, 0.7, 13, 1.8] } },
    { id: "clusters", type: "circle", source: "places", filter: ["has", "point_count"], paint: { "circle-color": colour.accent, "circle-opacity": 0.16, "circle-radius": ["interpolate", ["linear"], ["get", "point_count"], 2, 16, 500, 32, 5000, 44] } },
    { id: "dry", type: "circle", source: "places", filter: ["all", isPoint, single, ["==", ["coalesce", ["get", "level"], -1], 0]], paint: { "circle-color": colour.surface, "circle-radius": grow(1), "circle-stroke-color": colour.depth[0], "circle-stroke-width": 1.2 } },
    { id: "plain", type: "circle", source: "places", filter: ["all", isPoint, single, ["!", ["has", "level"]], ["!", ["has", "mark"]], ["!=", ["get", "shape"], "square"]], paint: { "circle-color": colour.accent, "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 3, 13, 5, 16, 8], "circle-stroke-color": colour.surface, "circle-stroke-width": 1.2 } },
    { id: "squares", type: "symbol", source: "places", filter: ["==", ["get", "shape"], "square"], layout: { "icon-image": "square", "icon-allow-overlap": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.5, 13, 0.72, 16, 1.1] } },
    { id: "wet", type: "circle", source: "places", filter: ["all", isPoint, single, [">", ["coalesce", ["get", "level"], -1], 0]], layout: { "circle-sort-key": ["get", "level"] }, paint: { "circle-color": byLevel(colour.depth), "circle-radius": grow(1), "circle-stroke-color": colour.surface, "circle-stroke-width": 1.4 } },
    { id: "marks", type: "symbol", source: "places", filter: ["has", "mark"], layout: { "icon-image": ["concat", MARK, ["get", "mark"]], "icon-allow-overlap": true, "icon-ignore-placement": true, "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.72, 11.5, 0.9, 14, 1.1] } },
    { id: "chosen", type: "circle", source: "places", filter: ["==", ["get", "id"], ""], paint: { "circle-color": "rgba(0,0,0,0)", "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 8, 16, 15], "circle-stroke-color": colour.ink, "circle-stroke-width": 2.5 } },
  ];
}

const TOUCHABLE = ["areas", "lines", "dry", "plain", "wet", "squares", "marks", "clusters"];

function square(colour, ratio) {
  // A place to go up to: a filled square with an arrow. Drawn here, since there are no sprites.
  const size = 18 * ratio;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = colour.surface;
  pen.beginPath();
  pen.roundRect(0, 0, 18, 18, 4);
  pen.fill();
  pen.fillStyle = colour.shelter;
  pen.beginPath();
  pen.roundRect(1.5, 1.5, 15, 15, 3);
  pen.fill();
  pen.strokeStyle = colour.surface;
  pen.lineWidth = 1.8;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(9, 13);
  pen.lineTo(9, 5.2);
  pen.moveTo(5.6, 8.6);
  pen.lineTo(9, 5.2);
  pen.lineTo(12.4, 8.6);
  pen.stroke();
  return pen.getImageData(0, 0, size, size);
}

function mark(text, colour, ratio) {
  // What moves: a rounded plate with the number of its route.
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const font = `650 11px ${getComputedStyle(document.documentElement).getPropertyValue("--sans")}`;
  pen.font = font;
  const width = Math.max(20, Math.ceil(pen.measureText(text).width) + 12);
  canvas.width = width * ratio;
  canvas.height = 20 * ratio;
  pen.scale(ratio, ratio);
  pen.fillStyle = colour.surface;
  pen.beginPath();
  pen.roundRect(0, 0, width, 20, 7);
  pen.fill();
  pen.fillStyle = colour.accent;
  pen.beginPath();
  pen.roundRect(1.5, 1.5, width - 3, 17, 5.5);
  pen.fill();
  pen.fillStyle = colour["on-accent"];
  pen.font = font;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, width / 2, 10.5);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

function putMarks(map, places, { anew = false } = {}) {
  const ratio = Math.max(2, Math.ceil(devicePixelRatio));
  const colour = colours();
  for (const text of new Set(places.features.map((feature) => feature.properties.mark).filter((one) => one !== undefined))) {
    const has = map.hasImage(MARK + text);
    if (has && !anew) continue;
    if (has) map.removeImage(MARK + text);
    map.addImage(MARK + text, mark(text, colour, ratio), { pixelRatio: ratio });
  }
}

async function features(address, cache = "default") {
  if (!address) return { type: "FeatureCollection", features: [] };
  const answer = await fetch(address, { cache });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

function positions(coordinates) {
  return typeof coordinates[0] === "number" ? [coordinates] : coordinates.flatMap(positions);
}

function boundsOf(collection) {
  const all = collection.features.filter((feature) => feature.geometry).flatMap((feature) => positions(feature.geometry.coordinates));
  if (!all.length) return null;
  const bounds = new maplibre.LngLatBounds(all[0], all[0]);
  for (const position of all) bounds.extend(position);
  return bounds;
}

// The middle of the largest ring, by area: where a name sits well in shapes that are not too bent.
function middle(geometry) {
  const rings = geometry.type === "MultiPolygon" ? geometry.coordinates.map((polygon) => polygon[0]) : [geometry.coordinates[0]];
  let best = null;
  for (const ring of rings) {
    let [area, x, y] = [0, 0, 0];
    for (let i = 0; i < ring.length - 1; i += 1) {
      const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
      area += cross;
      x += (ring[i][0] + ring[i + 1][0]) * cross;
      y += (ring[i][1] + ring[i + 1][1]) * cross;
    }
    if (area && (!best || Math.abs(area) > best.area)) best = { area: Math.abs(area), at: [x / (3 * area), y / (3 * area)] };
  }
  return best;
}

function putLabels(map, boundaries, places) {
  const labels = boundaries.features
    .filter((feature) => feature.geometry && feature.geometry.type.endsWith("Polygon"))
    .map((feature) => ({ ...middle(feature.geometry), rank: feature.properties.rank, name: feature.properties.name }))
    .filter((label) => label.at)
    .sort((one, other) => one.rank - other.rank || other.area - one.area);
  for (const label of labels) {
    const element = document.createElement("div");
    element.className = "map-label";
    element.setAttribute("aria-hidden", "true");
    element.textContent = label.name;
    label.marker = new maplibre.Marker({ element, anchor: "center" }).setLngLat(label.at);
  }
  const points = places.features.filter((feature) => feature.geometry?.type === "Point" && feature.properties.level !== 0).slice(0, CLUSTER_FROM);
  const arrange = () => {
    // Names of districts from afar, of wards from near; none over another, nor over the data.
    const wanted = map.getZoom() >= 12.6 ? 2 : 1;
    const { clientWidth: width, clientHeight: height } = map.getContainer();
    const taken = points.map((feature) => {
      const { x, y } = map.project(feature.geometry.coordinates);
      return [x - 8, y - 8, x + 8, y + 8];
    });
    for (const label of labels) {
      const { x, y } = map.project(label.at);
      const half = label.name.length * 3.6 + 6;
      const box = [x - half, y - 9, x + half, y + 9];
      const fits = label.rank === wanted && box[0] > 0 && box[1] > 0 && box[2] < width && box[3] < height
        && !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
      if (fits) {
        taken.push(box);
        label.marker.addTo(map);
      } else label.marker.remove();
    }
  };
  arrange();
  map.on("moveend", arrange);
  map.on("resize", arrange);
}

// The room around what is shown: the legend must not lie on it.
function room(element) {
  const padding = { top: 40, right: 48, bottom: 40, left: 40 };
  const legend = element.parentElement.querySelector(".map-legend");
  if (!legend) return padding;
  const isStrip = legend.offsetWidth > element.clientWidth * 0.7;
  return isStrip ? { top: 24, right: 24, left: 24, bottom: legend.offsetHeight + 24 } : { ...padding, left: legend.offsetWidth * 0.4 };
}

function putCounts(map) {
  const shown = new Map();
  const arrange = () => {
    if (!map.isSourceLoaded("places")) return;
    const seen = new Set();
    for (const feature of map.querySourceFeatures("places", { filter: ["has", "point_count"] })) {
      const { cluster_id: id, point_count: count } = feature.properties;
      seen.add(id);
      if (shown.has(id)) continue;
      const element = document.createElement("div");
      element.className = "map-cluster number";
      element.textContent = new Intl.NumberFormat(document.documentElement.lang).format(count);
      shown.set(id, new maplibre.Marker({ element }).setLngLat(feature.geometry.coordinates).addTo(map));
    }
    for (const [id, marker] of shown) {
      if (!seen.has(id)) {
        marker.remove();
        shown.delete(id);
      }
    }
  };
  map.on("idle", arrange);
}

// What moves slides to where it is now, in one short step; whoever wants no motion sees it there at once.
function follow(map, element, page, first) {
  const wanted = JSON.parse(element.dataset.moving);
  let shown = first;
  let frame = 0;
  let busy = false;
  const put = (collection) => {
    shown = collection;
    element.dataset.moved = String(Number(element.dataset.moved || 0) + 1);
    map.getSource("places").setData(collection);
  };
  const slide = (next) => {
    cancelAnimationFrame(frame);
    const before = new Map(shown.features.map((feature) => [feature.properties.id, feature.geometry.coordinates]));
    const moving = next.features.filter((feature) => feature.geometry.type === "Point" && before.has(feature.properties.id));
    if (calm.matches || !moving.length) return put(next);
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(1, (now - began) / GLIDE_MS);
      if (share === 1) return put(next);
      const between = next.features.map((feature) => {
        const from = before.get(feature.properties.id);
        if (!from || feature.geometry.type !== "Point") return feature;
        const [x, y] = feature.geometry.coordinates;
        return { ...feature, geometry: { type: "Point", coordinates: [from[0] + (x - from[0]) * share, from[1] + (y - from[1]) * share] } };
      });
      map.getSource("places").setData({ type: "FeatureCollection", features: between });
      frame = requestAnimationFrame(step);
      return undefined;
    };
    frame = requestAnimationFrame(step);
    return undefined;
  };
  const look = async () => {
    if (document.hidden || busy) return;
    busy = true;
    try {
      const next = await features(element.dataset.layer, "no-store");
      putMarks(map, next);
      slide(next);
    } catch (error) {
      console.warn(error);
    } finally {
      busy = false;
    }
  };
  page.events.addEventListener("changed", ({ detail }) => {
    if (wanted.some((type) => Object.hasOwn(detail.types, type))) look();
  });
  document.addEventListener("visibilitychange", look);
}

function react(map, { events, openPanel }) {
  const tip = new maplibre.Popup({ closeButton: false, closeOnClick: false, offset: 12, maxWidth: "280px" });
  const present = TOUCHABLE.filter((id) => map.getLayer(id));
  const at = (point) => map.queryRenderedFeatures([[point.x - 5, point.y - 5], [point.x + 5, point.y + 5]], { layers: present });
  map.on("mousemove", (event) => {
    const hits = at(event.point);
    const hit = hits.find((feature) => feature.layer.id === "marks" || feature.layer.id === "wet" || feature.layer.id === "squares") || hits[0];
    map.getCanvas().style.cursor = hit ? "pointer" : "";
    if (!hit || !hit.properties.tip) return tip.remove();
    const place = hit.geometry.type === "Point" ? hit.geometry.coordinates : event.lngLat;
    return tip.setLngLat(place).setText(hit.properties.tip).addTo(map);
  });
  map.on("mouseout", () => tip.remove());
  map.on("click", async (event) => {
    const hit = at(event.point).sort((one, other) => (other.properties.level ?? 0) - (one.properties.level ?? 0))[0];
    if (!hit) return;
    if (hit.properties.cluster_id !== undefined) {
      const zoom = await map.getSource("places").getClusterExpansionZoom(hit.properties.cluster_id);
      map.easeTo({ center: hit.geometry.coordinates, zoom: zoom + 0.2, animate: !calm.matches, duration: 140 });
    } else if (hit.properties.href) openPanel(hit.properties.href, { focus: false });
  });
  events.addEventListener("selected", (event) => map.setFilter("chosen", ["==", ["get", "id"], event.detail || ""]));
}

export async function draw(element, page) {
  const texts = JSON.parse(element.dataset.texts || "{}");
  const fresh = element.dataset.moving === undefined ? "default" : "no-store";
  const [boundaries, places] = await Promise.all([features(element.dataset.boundaries), features(element.dataset.layer, fresh), document.fonts.ready]);
  const wait = element.querySelector(".map-wait");
  const many = places.features.length > CLUSTER_FROM && places.features.every((feature) => feature.geometry?.type === "Point");
  const focus = element.dataset.bounds ? JSON.parse(element.dataset.bounds) : boundsOf(places) || boundsOf(boundaries);
  // What is measured at few places is drawn larger.
  const size = element.dataset.map === "now" ? 1.7 : 1;
  const map = new maplibre.Map({
    container: element,
    style: {
      version: 8,
      sources: {
        boundaries: { type: "geojson", data: boundaries, tolerance: 0.2 },
        places: { type: "geojson", data: places, cluster: many, clusterRadius: 44, clusterMaxZoom: 14 },
      },
      layers: layers(colours(), size).filter((layer) => layer.type !== "symbol"),
    },
    bounds: focus || undefined,
    fitBoundsOptions: { padding: room(element), maxZoom: element.dataset.map === "entity" ? 13.2 : 15 },
    attributionControl: false,
    cooperativeGestures: element.dataset.map !== "tall",
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
    maxZoom: 18,
    minZoom: 7,
    locale: texts,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibre.NavigationControl({ showCompass: false }), "top-right");
  map.getCanvas().setAttribute("aria-label", element.dataset.label);
  const paint = () => {
    const colour = colours();
    const ratio = Math.max(2, Math.ceil(devicePixelRatio));
    if (map.hasImage("square")) map.removeImage("square");
    map.addImage("square", square(colour, ratio), { pixelRatio: ratio });
    putMarks(map, places, { anew: true });
    for (const layer of layers(colour, size)) {
      // A layer of symbols comes after its image: the library asks for a missing one as soon as it draws.
      if (!map.getLayer(layer.id)) map.addLayer(layer, layer.id === "marks" ? "chosen" : "wet");
      for (const [name, value] of Object.entries(layer.paint || {})) map.setPaintProperty(layer.id, name, value);
    }
  };
  await map.once("load");
  paint();
  dark.addEventListener("change", paint);
  wait?.remove();
  putLabels(map, boundaries, places);
  if (many) putCounts(map);
  react(map, page);
  const chosen = document.querySelector("#panel [data-entity]");
  if (chosen) map.setFilter("chosen", ["==", ["get", "id"], chosen.dataset.entity]);
  if (element.dataset.moving !== undefined) follow(map, element, page, places);
  if (element.dataset.refresh !== undefined) {
    const wanted = JSON.parse(element.dataset.refresh);
    page.events.addEventListener("changed", async ({ detail }) => {
      if (!wanted.some((type) => Object.hasOwn(detail.types, type))) return;
      map.getSource("places").setData(await features(element.dataset.layer, "reload"));
    });
  }
  element.dataset.ready = "";
}
